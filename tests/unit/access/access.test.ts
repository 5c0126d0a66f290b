import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Principal } from '#contract/access.ts'
import { openAccess } from '../../../service/access/access.ts'
import { loadAccounts, replaceFile } from '../../../service/access/accounts-file.ts'
import { checkedPreset, createConsoleToken } from '../../../service/access/console-token.ts'
import { createLockout } from '../../../service/access/lockout.ts'
import { assertStrong, createPasswords, defaultCost } from '../../../service/access/password.ts'
import { newTypedCode, tidyCode } from '../../../service/access/secrets.ts'
import { systemClock } from '../../../service/runtime/system-clock.ts'

const cost = { logN: 4, r: 1, p: 1 }
const by: Principal = { kind: 'console', id: 'console', name: 'test', role: 'admin', address: 'console' }
const password = 'four words that fit'

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'r-ems-access-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

async function start(at: string, bootId: string, options: { fails?: boolean; pairs?: boolean } = {}) {
  const opened = await openAccess({
    folder: at,
    clock: systemClock,
    audit: {
      append: () => undefined,
      appendDurable: async () => {
        if (options.fails) throw new Error('the disk is full')
      },
    },
    boot: { id: bootId, uptimeMs: 0 },
    presets: [],
    pairs: options.pairs ?? true,
    cost,
  })
  return { ...opened, isOpen: opened.access.pairState().open }
}

describe('passwords', () => {
  test.each([
    'short',
    'elevenchars',
    'password1234',
    'Password2026!',
    'P@ssw0rd!!!!',
    'qwertyuiop[]',
    'Qwertz123456',
    '123456789012',
    'abcdefghijklm',
    'aaaaaaaaaaaaaa',
    'abcabcabcabc',
    '!!!!!!admin!!!!!!',
    'changeme2024!',
    'correcthorsebatterystaple',
    'correct horse battery staple',
    'letmeinplease',
    'anna-anna-anna',
    'annaanna2026',
    '1q2w3e4r5t6y7u',
    'ｐａｓｓｗｏｒｄ１２３４',
  ])('"%s" is refused', (weak) => {
    expect(() => assertStrong(weak, 'anna')).toThrow(expect.objectContaining({ code: 'access.password-weak' }))
  })

  test.each([
    'four words that fit',
    'Zug-Kamel-9-Regal',
    'xK9#mQ2$vL7p',
    'ein ganz normaler satz',
    '密码密码很长的一个句子啊好',
  ])('"%s" is accepted', (strong) => {
    expect(() => assertStrong(strong, 'anna')).not.toThrow()
  })

  test('are stored with a salt and the cost of their day, and compared by what was meant', async () => {
    const passwords = createPasswords(cost)
    const [one, two] = [await passwords.hash('Grüße vom Zähler'), await passwords.hash('Grüße vom Zähler')]
    expect(one).not.toBe(two)
    expect(one).toMatch(/^scrypt\$4\$1\$1\$/)
    expect(await passwords.verify('Gru\u0308ße vom Za\u0308hler', one)).toBe(true)
    expect(await passwords.verify('Grüße vom Zähler ', one)).toBe(false)
    expect(await passwords.verify('anything', undefined)).toBe(false)
    expect(await passwords.verify('anything', 'damaged')).toBe(false)
    // A later cost leaves the older hashes valid.
    expect(await createPasswords({ logN: 5, r: 1, p: 1 }).verify('Grüße vom Zähler', one)).toBe(true)
    expect(defaultCost).toEqual({ logN: 15, r: 8, p: 3 })
  })

  test('of unknown users take as long as those of known ones', async () => {
    const passwords = createPasswords({ logN: 12, r: 8, p: 1 })
    const stored = await passwords.hash(password)
    const time = async (hash: string | undefined): Promise<number> => {
      const startMs = performance.now()
      await passwords.verify('wrong', hash)
      return performance.now() - startMs
    }
    // The fastest of each, taken in turns: what else runs on this machine only ever makes them slower.
    let [known, unknown] = [Infinity, Infinity]
    for (let n = 0; n < 15; n += 1) {
      known = Math.min(known, await time(stored))
      unknown = Math.min(unknown, await time(undefined))
    }
    expect(unknown / known).toBeGreaterThan(0.5)
    expect(unknown / known).toBeLessThan(2)
  })

  test('wait in a short row; more are told to come again', async () => {
    const passwords = createPasswords({ logN: 12, r: 8, p: 1 })
    const answers = await Promise.allSettled(Array.from({ length: 12 }, () => passwords.verify('x', undefined)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(8)
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'api.busy' } })
    expect(await passwords.verify('x', undefined)).toBe(false)
  })
})

test('typed codes survive how people write them', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Array.from({ length: 50 }, newTypedCode)), fc.nat(11), (code, at) => {
      const written = code.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l')
      expect(tidyCode(`${written.slice(0, at)} ${written.slice(at)}`)).toBe(tidyCode(code))
      expect(tidyCode(code)).toMatch(/^[0-9A-HJKMNP-TV-Z]{12}$/)
    }),
  )
})

test('waiting doubles up to its bound, for a bounded number of keys', () => {
  let ms = 0
  const clock = { nowMs: () => ms, monotonicMs: () => ms, sleep: async () => undefined }
  const lockout = createLockout(clock, { freeFailures: 3, firstDelayMs: 1, maxDelayMs: 8, forgetMs: 1_000, keys: 2 })
  const waits = Array.from({ length: 8 }, () => {
    lockout.fail('a')
    return lockout.waitMs('a')
  })
  expect(waits).toEqual([0, 0, 1, 2, 4, 8, 8, 8])
  ms = 1_000
  expect(lockout.waitMs('a')).toBe(0)
  lockout.fail('a')
  expect(lockout.waitMs('a')).toBe(0)
  for (const key of ['b', 'c']) for (let n = 0; n < 4; n += 1) lockout.fail(key)
  lockout.fail('a')
  expect(lockout.waitMs('c')).toBeGreaterThan(0)
  lockout.succeed('c')
  expect(lockout.waitMs('c')).toBe(0)
})

describe('pairing opens', () => {
  test('for the first admin, after a start of the machine, and not after one of the service alone', async () => {
    const at = await folder()
    const first = await start(at, 'boot-1')
    expect(first.isOpen).toBe(true)
    expect(first.pairing?.code).toBe((await readFile(join(at, 'pairing-code'), 'utf8')).trim())
    expect((await start(at, 'boot-1')).isOpen).toBe(true)
    const { access } = await start(at, 'boot-1')
    await access.addUser(by, { name: 'anna', role: 'admin', password })
    expect((await start(at, 'boot-1')).isOpen).toBe(false)
    const rebooted = await start(at, 'boot-2')
    expect(rebooted.isOpen).toBe(true)
    // The label stays right.
    expect(rebooted.pairing?.code).toBe(first.pairing?.code)
    expect((await start(at, 'boot-2')).isOpen).toBe(false)
    expect((await start(at, 'boot-3', { pairs: false })).isOpen).toBe(false)
  })
})

describe('the accounts file', () => {
  test('is the owner’s alone, holds no secret, and leaves no draft behind', async () => {
    const at = await folder()
    const { access } = await start(at, 'boot-1')
    await access.addUser(by, { name: 'anna', role: 'admin', password })
    const { token } = await access.addToken(by, { purpose: 'test', role: 'viewer', days: 1 })
    const text = await readFile(join(at, 'accounts.json'), 'utf8')
    expect(text).not.toContain(password)
    expect(text).not.toContain(token)
    expect((await stat(join(at, 'accounts.json'))).mode & 0o777).toBe(0o600)
    await chmod(join(at, 'accounts.json'), 0o644)
    await start(at, 'boot-1')
    expect((await stat(join(at, 'accounts.json'))).mode & 0o777).toBe(0o600)
    expect((await readdir(at)).toSorted()).toEqual(['accounts.json', 'pairing-code'])
  })

  test.each([
    ['cut off', '{"version":1,"us'],
    ['with an unknown field', '{"version":1,"users":[],"tokens":[],"admin":true}'],
    ['with a role that does not exist', '{"version":1,"users":[{"role":"root"}],"tokens":[]}'],
    ['empty', ''],
    ['huge', `{"version":1,"users":[],"tokens":[]}${' '.repeat(1_000_001)}`],
  ])('%s is set aside, and lets nobody in', async (_name, text) => {
    const at = await folder()
    await writeFile(join(at, 'accounts.json'), text)
    const opened = await start(at, 'boot-1')
    expect(opened.setAside).toMatch(/^accounts\.json\.damaged-/)
    expect(opened.isOpen).toBe(false)
    expect(opened.access.users()).toEqual([])
    expect(await readFile(join(at, opened.setAside ?? ''), 'utf8')).toBe(text)
  })

  test('that cannot be written keeps what was', async () => {
    const at = await folder()
    await expect(replaceFile(join(at, 'missing', 'accounts.json'), 'x')).rejects.toMatchObject({ code: 'access.store' })
    const { access } = await start(at, 'boot-1')
    await access.addUser(by, { name: 'anna', role: 'admin', password })
    await rm(at, { recursive: true })
    await expect(access.addUser(by, { name: 'bert', role: 'admin', password })).rejects.toMatchObject({
      code: 'access.store',
    })
    expect(access.users().map(({ name }) => name)).toEqual(['anna'])
  })

  test('does not change when the journal cannot tell of it', async () => {
    const at = await folder()
    const { access } = await start(at, 'boot-1', { fails: true })
    await expect(access.addUser(by, { name: 'anna', role: 'admin', password })).rejects.toThrow('the disk is full')
    await expect(access.addToken(by, { purpose: 'test', role: 'viewer', days: 1 })).rejects.toThrow('the disk is full')
    expect(access.users()).toEqual([])
    expect((await loadAccounts(at)).accounts).toMatchObject({ users: [], tokens: [] })
  })

  test('takes two changes at once one after the other', async () => {
    const at = await folder()
    const { access } = await start(at, 'boot-1')
    const results = await Promise.allSettled(
      ['anna', 'bert', 'anna'].map((name) => access.addUser(by, { name, role: 'admin', password })),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    const [anna, bert] = access.users()
    const removals = await Promise.allSettled([anna, bert].map((user) => access.removeUser(by, user?.id ?? '')))
    expect(removals.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect((await loadAccounts(at)).accounts.users).toHaveLength(1)
  })
})

test('the console token is new at each start, and a preset must be long', async () => {
  const at = await folder()
  const first = await createConsoleToken(at)
  const second = await createConsoleToken(at)
  expect(second).not.toBe(first)
  expect((await readFile(join(at, 'api-token'), 'utf8')).trim()).toBe(second)
  expect((await stat(join(at, 'api-token'))).mode & 0o777).toBe(0o600)
  for (const bad of ['short', 'with a space in the middle', 'x'.repeat(513)])
    expect(() => checkedPreset(bad)).toThrow(expect.objectContaining({ code: 'api.token-invalid' }))
  expect(checkedPreset('0123456789abcdef')).toBe('0123456789abcdef')
})
