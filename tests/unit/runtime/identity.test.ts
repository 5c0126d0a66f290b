import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadControlProperty } from '../../../service/runtime/control-property.ts'
import { openIdentity } from '../../../service/runtime/identity.ts'
import { type Machine, machineDiffers, thisMachine } from '../../../service/runtime/machine.ts'
import { lockSite } from '../../../service/runtime/site-lock.ts'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-identity-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const pi: Machine = { machineId: 'aaaa', board: 'b1', adapters: ['m1', 'm2'] }

describe('the machine', () => {
  it.each([
    ['itself', pi, undefined],
    ['a copied memory card in another board', { ...pi, board: 'b2' }, 'another board'],
    ['a backup on another computer', { machineId: 'bbbb', adapters: [] }, 'another machine ID'],
    ['a cloned disk where boards have no number', { machineId: 'aaaa', adapters: ['m9'] }, 'other network adapters'],
    ['one adapter replaced', { ...pi, adapters: ['m2', 'm3'] }, undefined],
    ['nothing to be read', { adapters: [] }, undefined],
  ])('tells %s', (_, now, expected) => {
    expect(machineDiffers(pi, now)).toBe(expected)
  })

  it('is read from the system, without adapters that are plugged in or virtual', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'etc'), { recursive: true })
    writeFileSync(join(folder, 'etc/machine-id'), '0123456789abcdef\n')
    mkdirSync(join(folder, 'proc/device-tree'), { recursive: true })
    writeFileSync(join(folder, 'proc/device-tree/serial-number'), '10000000abcdef01\0')
    for (const [name, place, address] of [
      ['eth0', 'devices/pci0/net/eth0', 'dc:a6:32:00:00:01'],
      ['usb0', 'devices/usb1/net/usb0', 'aa:bb:cc:00:00:02'],
    ] as const) {
      mkdirSync(join(folder, 'sys', place, 'hardware'), { recursive: true })
      writeFileSync(join(folder, 'sys', place, 'address'), address)
      symlinkSync('hardware', join(folder, 'sys', place, 'device'))
      mkdirSync(join(folder, 'sys/class/net'), { recursive: true })
      symlinkSync(join('../../', place), join(folder, 'sys/class/net', name))
    }
    const found = await thisMachine(folder)
    expect(found).toMatchObject({ machineId: expect.any(String), board: expect.any(String) })
    expect(found.adapters).toHaveLength(1)
    expect(JSON.stringify(found)).not.toContain('abcdef01')
    await expect(thisMachine(temporaryFolder())).resolves.toEqual({ adapters: [] })
  })
})

describe('the identity of an edge', () => {
  it('counts its starts', async () => {
    const folder = temporaryFolder()
    const first = (await openIdentity(folder, pi)).identity
    const second = (await openIdentity(folder, pi)).identity
    expect([first.epoch, second.epoch]).toEqual([1, 2])
    expect(second.edgeId).toBe(first.edgeId)
    expect(second.obstacle()).toBeUndefined()
  })

  it('S9: holds control off in a copy on another machine until a person enables it again', async () => {
    const folder = temporaryFolder()
    const { identity } = await openIdentity(folder, pi)
    await (await loadControlProperty(folder, false, identity)).set({ enabled: true, dryRun: false, reason: 'go on' })
    const elsewhere: Machine = { machineId: 'bbbb', board: 'b2', adapters: ['m7'] }
    // It stays so over restarts.
    await openIdentity(folder, elsewhere)
    const copy = await loadControlProperty(folder, false, (await openIdentity(folder, elsewhere)).identity)
    expect(copy.get()).toMatchObject({ enabled: false, dryRun: false })
    expect(copy.get().reason).toContain('another machine (another board)')
    await copy.set({ enabled: true, dryRun: false, reason: 'the old one is gone' })
    expect(copy.get()).toMatchObject({ enabled: true })
    const after = (await openIdentity(folder, elsewhere)).identity
    expect(after.obstacle()).toBeUndefined()
    expect((await openIdentity(folder, pi)).identity.obstacle()).toContain('another machine')
  })

  it('refuses a damaged file in words', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'identity.json'), '{"edgeId":')
    await expect(openIdentity(folder, pi)).rejects.toThrow('is damaged')
    expect(readFileSync(join(folder, 'identity.json'), 'utf8')).toBe('{"edgeId":')
  })
})

describe('the lock of a site', () => {
  it('S9: lets one service run a site, and says which one does', async () => {
    const file = join(temporaryFolder(), 'site.yaml')
    writeFileSync(file, 'version: 2\n')
    const link = `${file}.link`
    symlinkSync(file, link)
    const lock = await lockSite(file, 'process 12 with the data folder /var/lib/r-ems')
    await expect(lockSite(link, 'another')).rejects.toThrow('process 12 with the data folder /var/lib/r-ems')
    await lock[Symbol.asyncDispose]()
    await (await lockSite(file, 'another'))[Symbol.asyncDispose]()
  })

  it('S9: is free again once its holder was killed', async () => {
    const file = join(temporaryFolder(), 'site.yaml')
    writeFileSync(file, 'version: 2\n')
    const module = join(import.meta.dirname, '../../../service/runtime/site-lock.ts')
    const script = `const { lockSite } = await import(${JSON.stringify(module)}); await lockSite(${JSON.stringify(file)}, 'child'); console.log('held'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    await expect(lockSite(file, 'test')).rejects.toMatchObject({ code: 'site.running' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await (await lockSite(file, 'test'))[Symbol.asyncDispose]()
  })
})
