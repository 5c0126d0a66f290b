import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { EdgeError } from '#contract/errors.ts'
import { commonPasswords } from './common-passwords.ts'

/** Cost of scrypt (RFC 7914): 2^logN blocks of 128 * r bytes, p times one after the other. */
export interface Cost {
  readonly logN: number
  readonly r: number
  readonly p: number
}

/** 32 MiB and about a quarter of a second on a small computer; the equal of 128 MiB once, for a quarter of the memory. */
export const defaultCost: Cost = { logN: 15, r: 8, p: 3 }

const keyBytes = 32
/** Passwords that wait for their turn; more are refused. */
const maxWaiting = 8

export interface Passwords {
  /** The text to store. */
  hash(password: string): Promise<string>
  /** False for a wrong one; takes as long when nothing is stored. Rejects with api.busy when too many wait. */
  verify(password: string, stored: string | undefined): Promise<boolean>
}

/** The same password has the same bytes on every keyboard. */
const bytesOf = (password: string): Buffer => Buffer.from(password.normalize('NFKC'))

function derive(password: string, salt: Buffer, { logN, r, p }: Cost): Promise<Buffer> {
  const N = 2 ** logN
  return new Promise((resolve, reject) => {
    scrypt(bytesOf(password), salt, keyBytes, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

function parse(stored: string): { cost: Cost; salt: Buffer; key: Buffer } | undefined {
  const match = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]{22,})\$([\w-]{43})$/.exec(stored)
  if (!match) return undefined
  const [logN = 0, r = 0, p = 0] = match.slice(1, 4).map(Number)
  const [salt = '', key = ''] = match.slice(4)
  return { cost: { logN, r, p }, salt: Buffer.from(salt, 'base64url'), key: Buffer.from(key, 'base64url') }
}

/** One password at a time, so that sign-ins cost a bounded amount of memory and leave the other cores to the cycle. */
export function createPasswords(cost: Cost = defaultCost): Passwords {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  const decoy = { cost, salt: randomBytes(16), key: randomBytes(keyBytes) }

  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    if (waiting >= maxWaiting) throw new EdgeError('api.busy', 'too many people sign in at this moment')
    waiting += 1
    const result = last.then(action).finally(() => {
      waiting -= 1
    })
    last = result.catch(() => undefined)
    return result
  }

  return {
    hash: (password) =>
      inTurn(async () => {
        const salt = randomBytes(16)
        const key = await derive(password, salt, cost)
        return `scrypt$${cost.logN}$${cost.r}$${cost.p}$${salt.toString('base64url')}$${key.toString('base64url')}`
      }),
    verify: async (password, stored) =>
      inTurn(async () => {
        const known = stored === undefined ? undefined : parse(stored)
        const { cost: itsCost, salt, key } = known ?? decoy
        const equal = timingSafeEqual(await derive(password, salt, itsCost), key)
        return equal && known !== undefined
      }),
  }
}

/**
 * Throws access.password-weak for what is guessed first: a common password, alone or dressed up with digits and signs at
 * its ends; the user's own name; one short piece again and again; a row of the keyboard.
 */
export function assertStrong(password: string, name: string): void {
  const plain = password.normalize('NFKC').toLowerCase()
  const core = withoutEnds(plain)
  const forms = [plain, core, withoutEnds(unleet(plain)), unleet(core)]
  const reason =
    Array.from(password).length < 12
      ? 'it has fewer than 12 characters'
      : forms.some((form) => commonPasswords.has(form))
        ? 'it is one of the commonest passwords'
        : plain.includes(name) && plain.length < name.length + 12
          ? 'it is little more than the user name'
          : new Set(plain).size < 5 || /^(.{1,6}?)\1+$/u.test(plain)
            ? 'it repeats itself'
            : isSequence(plain)
              ? 'it is a row of the keyboard or of the alphabet'
              : undefined
  if (reason !== undefined) throw new EdgeError('access.password-weak', `this password cannot be used: ${reason}`)
}

const withoutEnds = (text: string): string => text.replaceAll(/^[^a-z]+|[^a-z]+$/g, '')

const unleet = (text: string): string => text.replaceAll(/[013457@$!]/g, (sign) => leet[sign] ?? sign)

const leet: Readonly<Record<string, string>> = {
  0: 'o',
  1: 'i',
  3: 'e',
  4: 'a',
  5: 's',
  7: 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

const rows = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  '1234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  '1q2w3e4r5t6y7u8i9o0p',
  '1qaz2wsx3edc4rfv5tgb6yhn',
  'qazwsxedcrfvtgbyhn',
]
const neighbours = new Set(
  rows.flatMap((row) =>
    Array.from(row)
      .slice(1)
      .flatMap((next, at) => [`${row[at]}${next}`, `${next}${row[at]}`]),
  ),
)

/** At least four of five steps go to the next key. */
function isSequence(text: string): boolean {
  const steps = Array.from(text)
    .slice(1)
    .map((next, at) => `${text[at]}${next}`)
  return steps.filter((step) => neighbours.has(step)).length >= steps.length * 0.8
}
