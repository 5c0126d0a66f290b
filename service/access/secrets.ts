import { createHash, randomBytes, randomInt } from 'node:crypto'

/** Without the letters that look like digits (Crockford's base 32). */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** 256 random bits as text. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

export const newId = (): string => randomBytes(9).toString('base64url')

/** What is kept of a secret. Secrets of 256 bits need no slow hash: there is nothing to guess. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/** 60 random bits that a person can read from a label and type: XXXX-XXXX-XXXX. */
export function newTypedCode(): string {
  const letters = Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)])
  return [0, 4, 8].map((from) => letters.slice(from, from + 4).join('')).join('-')
}

/** A typed code as it was meant: any case, with or without dashes, O for 0 and I or L for 1. */
export const tidyCode = (text: string): string =>
  text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
