import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadOrCreateToken } from '../../../service/api/token.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'r-ems-token-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

test('a token is made once, for the owner only', async () => {
  const data = await folder()
  const token = await loadOrCreateToken(data)
  expect(token).toMatch(/^[\w-]{43}$/)
  expect((await stat(join(data, 'api-token'))).mode & 0o777).toBe(0o600)
  expect(await readFile(join(data, 'api-token'), 'utf8')).toBe(`${token}\n`)
  expect(await loadOrCreateToken(data)).toBe(token)
  expect(await readdir(data)).toEqual(['api-token'])
  expect(await loadOrCreateToken(await folder())).not.toBe(token)
})

test('two first starts at once agree', async () => {
  const data = await folder()
  const tokens = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateToken(data)))
  expect(new Set(tokens).size).toBe(1)
  expect(await readdir(data)).toEqual(['api-token'])
})

test('a preset is used and not stored', async () => {
  const data = await folder()
  expect(await loadOrCreateToken(data, 'sixteen-letters!')).toBe('sixteen-letters!')
  expect(await readdir(data)).toEqual([])
})

test.each(['', 'fifteen-letters', 'with a space in it', 'line\nbreak-line-break', 'x'.repeat(513)])(
  'the preset %j is refused without being shown',
  async (preset) => {
    const refused = await loadOrCreateToken(await folder(), preset).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'api.token-invalid', message: expect.stringContaining('R_EMS_API_TOKEN') })
    if (preset !== '') expect(String(refused)).not.toContain(preset)
  },
)

test('a file others may read is closed to them', async () => {
  const data = await folder()
  await writeFile(join(data, 'api-token'), 'copied-by-hand-0123\n')
  await chmod(join(data, 'api-token'), 0o644)
  expect(await loadOrCreateToken(data)).toBe('copied-by-hand-0123')
  expect((await stat(join(data, 'api-token'))).mode & 0o777).toBe(0o600)
})

test('a damaged file is named, and a folder that cannot be used', async () => {
  const data = await folder()
  await writeFile(join(data, 'api-token'), '')
  await expect(loadOrCreateToken(data)).rejects.toMatchObject({
    code: 'api.token-invalid',
    message: expect.stringContaining(join(data, 'api-token')),
  })
  await expect(loadOrCreateToken(join(data, 'missing'))).rejects.toMatchObject({ code: 'storage.folder' })
  await mkdir(join(data, 'taken', 'api-token'), { recursive: true })
  await expect(loadOrCreateToken(join(data, 'taken'))).rejects.toMatchObject({ code: 'storage.folder' })
})
