import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDraftFile, type DraftFile } from '../../../service/runtime/setup/draft-file.ts'

let folder: string
let trouble: string[]
let drafts: DraftFile
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-draft-'))
  trouble = []
  drafts = createDraftFile(folder, (message) => trouble.push(message))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const named = (name: unknown) => ({ installation: { name } })

describe('answers on their way', () => {
  it('are kept as they are, wrong ones too, and found again by another program', async () => {
    expect(await drafts.load()).toBeUndefined()
    const kept = await drafts.save(
      '',
      { ...named('A: #b'), devices: [{ unitId: 'eleven', connection: '&x *y' }] },
      'anna',
      5,
    )
    const again = await createDraftFile(folder, () => undefined).load()
    expect(again).toEqual(kept)
    expect(again).toMatchObject({ changedBy: 'anna', changedAtMs: 5, answers: named('A: #b') })
  })

  it('of two people at once are those of the faster, and the other is told who that was', async () => {
    const { revision } = await drafts.save('', named('first'), 'anna', 1)
    const saves = await Promise.allSettled([
      drafts.save(revision, named('of anna'), 'anna', 2),
      drafts.save(revision, named('of bert'), 'bert', 2),
    ])
    expect(saves.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(saves[1]).toMatchObject({
      reason: { code: 'setup.changed', message: expect.stringContaining('anna has changed') },
    })
    expect(await drafts.load()).toMatchObject({ answers: named('of anna') })
    await drafts.remove()
    await expect(drafts.save(revision, named('late'), 'bert', 3)).rejects.toMatchObject({ code: 'setup.changed' })
  })

  it('that cannot be read are set aside and not lost', async () => {
    await drafts.save('', named('first'), 'anna', 1)
    writeFileSync(join(folder, 'drafts/setup.yaml'), 'answers: {')
    expect(await drafts.load()).toBeUndefined()
    expect(trouble).toEqual([expect.stringMatching(/setup\.yaml cannot be used/)])
    expect(readdirSync(join(folder, 'drafts'))).toEqual([expect.stringContaining('setup.yaml.damaged-')])
  })
})
