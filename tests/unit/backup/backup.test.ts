import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ErrorCode } from '#contract/errors.ts'
import { openContent } from '../../../service/backup/content.ts'
import { applyRestore, stageRestore } from '../../../service/backup/restore.ts'
import { seal, unseal } from '../../../service/backup/seal.ts'
import { nodeFileSystem } from '../../../service/deployment/file-system.ts'
import { openGenerations } from '../../../service/deployment/generations.ts'
import { makeBackup, openBackup } from '../../../service/backup-files.ts'

const passphrase = 'lantern orbit velvet cactus'
const createdAtMs = Date.UTC(2026, 10, 21, 12)
const edgeId = '5b0d7c1e-51f2-4a53-9c57-0b6d2d1f3a10'
const origin = { site: 'Depot Nord', edgeId, createdAtMs }
const canary = 'CANARY-of-a-private-key'
const mapFolder = join(import.meta.dirname, '../../../pointmaps')

describe('a backup', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'r-ems-backup-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const refused = async (file: Buffer, code: ErrorCode, word: RegExp, typed = passphrase): Promise<void> => {
    await expect(unseal(file, typed)).rejects.toMatchObject({ code, message: expect.stringMatching(word) as string })
  }

  it('says in one sentence what is wrong: passphrase, cut off, altered, added to, newer, none at all', async () => {
    const file = await seal(Buffer.from('content'), passphrase, origin)
    expect((await unseal(file, passphrase)).content.toString()).toBe('content')
    await refused(file, 'backup.passphrase', /not that of this backup/, 'lantern orbit velvet cactuS')
    await refused(file.subarray(0, -1), 'backup.damaged', /cut off: \d+ of \d+ bytes/)
    await refused(file.subarray(0, 40), 'backup.damaged', /cut off/)
    await refused(Buffer.concat([file, Buffer.from('x')]), 'backup.damaged', /added/)
    const flipped = Buffer.from(file)
    flipped[file.length - 20]! ^= 1
    await refused(flipped, 'backup.damaged', /altered/)
    const renamed = Buffer.from(file.toString('latin1').replace('Depot Nord', 'Depot Sued'), 'latin1')
    await refused(renamed, 'backup.damaged', /altered/)
    const newer = Buffer.from(file.toString('latin1').replace('"format":1', '"format":2'), 'latin1')
    await refused(newer, 'backup.newer', /format 2/)
    await refused(Buffer.from('PK\u0003\u0004'), 'backup.invalid', /no backup/)
    await refused(Buffer.alloc(0), 'backup.invalid', /no backup/)
  })

  it('shows nothing of what is in it, and is another one each time', async () => {
    const one = await seal(Buffer.from(canary), passphrase, origin)
    const two = await seal(Buffer.from(canary), passphrase, origin)
    expect(one.includes(canary)).toBe(false)
    expect(one.subarray(-30)).not.toEqual(two.subarray(-30))
    expect(one.toString('latin1')).toContain('Depot Nord')
  })

  it('writes nothing where a backup does not belong, whatever its content pretends', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          '../x',
          '/etc/passwd',
          'trust/../../x',
          'trust//x',
          'edge.yaml/..',
          'accounts.json ',
          'journal.db',
          'edge.yaml',
          'trust/a/b/c/d',
          '.ssh/key',
          'trust/.hidden',
        ),
        (path) => {
          const bytes = Buffer.from(JSON.stringify({ config: {}, data: { [path]: '' } }))
          expect(() => openContent(bytes)).toThrow('does not hold what a backup holds')
        },
      ),
    )
    expect(() => openContent(Buffer.from('{"config":{},"config":{},"data":{}}'))).toThrow()
  })

  const write = (path: string, text: string, mode = 0o600): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text, { mode })
  }
  const site = (name: string): string =>
    `version: 2\nname: ${name}\ngrids: [{ id: grid, name: Grid, connection: { id: main, name: Main, meter: meter } }]\ndevices: [{ id: meter, name: Meter, role: grid-meter, map: eastron/sdm630, connection: 'tcp://127.0.0.1:9' }]\n`

  function oldEdge(): void {
    write('config/site.yaml', site('Depot'))
    write('config/secrets/mqtt', 'secret')
    write('config/notes.txt', 'not ours')
    write('data/identity.json', JSON.stringify({ edgeId, machine: { machineId: 'old', adapters: [] }, epoch: 7 }))
    write('data/accounts.json', '{"accounts":true}')
    write('data/license.txt', 'a licence')
    write('data/edge.yaml', 'enable_control: true\ndry_run: false\n')
    write('data/trust/state.json', '{}')
    write('data/trust/ca-1/root-key.pem', canary)
    write('data/journal.db', 'history')
    write('data/pairing-code', 'ABCD-EFGH-JKMN')
  }
  const backup = () =>
    makeBackup({
      config: join(folder, 'config'),
      dataFolder: join(folder, 'data'),
      mapFolder,
      passphrase,
      createdAtMs,
    })
  const text = (path: string): string => readFileSync(join(folder, path), 'utf8')

  it('carries what makes an edge, and not that control was enabled, its history or its label', async () => {
    oldEdge()
    const { restore } = await openBackup(await backup(), passphrase, createdAtMs + 1000)
    expect([...restore.config.keys()].toSorted()).toEqual([
      'pointmaps/eastron/sdm630.yaml',
      'secrets/mqtt',
      'site.yaml',
    ])
    expect([...restore.data.keys()].toSorted()).toEqual([
      'accounts.json',
      'identity.json',
      'license.txt',
      'trust/ca-1/root-key.pem',
      'trust/state.json',
    ])
  })

  it('is carried out whole or not at all, as often as it is begun', async () => {
    oldEdge()
    const { restore } = await openBackup(await backup(), passphrase, createdAtMs + 1000)
    const target = join(folder, 'new')
    mkdirSync(join(target, 'data/trust'), { recursive: true })
    mkdirSync(join(target, 'config'))
    writeFileSync(join(target, 'data/trust/state.json'), 'of the new device')
    writeFileSync(join(target, 'data/trust/own-key.pem'), 'of the new device')
    writeFileSync(join(target, 'data/edge.yaml'), 'enable_control: true\n')
    expect(await applyRestore(join(target, 'data'), join(target, 'config'))).toBe(false)
    await stageRestore(join(target, 'data'), restore)
    expect(readdirSync(join(target, 'config'))).toEqual([])
    // Cut off after its first file: the next start begins again.
    writeFileSync(join(target, 'config/site.yaml'), 'torn')
    expect(await applyRestore(join(target, 'data'), join(target, 'config'))).toBe(true)
    expect(await applyRestore(join(target, 'data'), join(target, 'config'))).toBe(false)
    expect(text('new/config/site.yaml')).toBe(site('Depot'))
    expect(text('new/data/trust/ca-1/root-key.pem')).toBe(canary)
    expect(readdirSync(join(target, 'data')).toSorted()).toEqual([
      'accounts.json',
      'identity.json',
      'license.txt',
      'trust',
    ])
    expect(readdirSync(join(target, 'data/trust')).toSorted()).toEqual(['ca-1', 'state.json'])
    expect(statSync(join(target, 'data/trust/ca-1/root-key.pem')).mode & 0o777).toBe(0o600)
    expect(JSON.parse(text('new/data/identity.json'))).toEqual({
      edgeId,
      machine: { machineId: 'old', adapters: [] },
      epoch: 1_000_007,
      replaces: { backupAtMs: createdAtMs, restoredAtMs: createdAtMs + 1000 },
    })
  })

  it('carries the confirmed generation of a deployed edge, not the one on trial', async () => {
    oldEdge()
    const root = join(folder, 'config')
    const about = (why: string) => ({ siteName: 'Depot', by: 'ann', why, atMs: createdAtMs })
    const files = (name: string) => new Map([['site.yaml', site(name)]])
    const openRoot = (plannedTrial?: string) =>
      openGenerations({ root, disk: nodeFileSystem, nowMs: createdAtMs, ...(plannedTrial && { plannedTrial }) })
    await (await openRoot()).generations.capture(files('Confirmed'), about('found on the edge'))
    const id = '7f3e0c1c-4d0e-4a57-9d5e-6f0f6a1a2b3c'
    const trial = { id, by: 'ann', startedAtMs: createdAtMs, countdownS: 120 }
    await (await openRoot()).generations.begin(files('On trial'), { ...about('more'), origin: 'deployed' }, trial)
    const { generations } = await openRoot(id)
    expect(generations.pointer()).toMatchObject({ active: 2, confirmed: 1 })
    const { restore, origin } = await openBackup(await backup(), passphrase, createdAtMs)
    expect(Buffer.from(restore.config.get('site.yaml') ?? []).toString()).toBe(site('Confirmed'))
    expect(origin.site).toBe('Confirmed')
    // Looking ends no trial.
    expect((await openRoot(id)).generations.pointer()?.trial?.id).toBe(id)
  })

  it('names what a data folder without an edge lacks', async () => {
    write('config/site.yaml', site('Depot'))
    mkdirSync(join(folder, 'data'))
    await expect(backup()).rejects.toMatchObject({ code: 'storage.folder' })
  })
})
