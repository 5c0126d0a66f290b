import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { LicenseKey } from '#contract/license.ts'
import { verifySignature } from '../../../service/license/verify-signature.ts'

const folder = resolve(import.meta.dirname, '../../../../shared/data/wycheproof')
const result = z.enum(['valid', 'invalid'])
const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

function vectors<S extends z.ZodType>(name: string, group: S) {
  const schema = z.object({ numberOfTests: z.number(), testGroups: z.array(group) })
  return schema.parse(JSON.parse(readFileSync(resolve(folder, name), 'utf8')))
}

const ed25519Group = z.object({
  publicKey: z.object({ pk: z.string() }),
  tests: z.array(z.object({ tcId: z.number(), msg: z.string(), sig: z.string(), result })),
})
const hmacGroup = z.object({
  tagSize: z.number(),
  tests: z.array(z.object({ tcId: z.number(), key: z.string(), msg: z.string(), tag: z.string(), result })),
})

// The vectors are no part of the project: without them beside it, their tests are skipped.
describe.skipIf(!existsSync(folder))('the published vectors, through the check of licences', () => {
  it('decides all 151 of Ed25519 as they say', () => {
    const { numberOfTests, testGroups } = vectors('ed25519_test.json', ed25519Group)
    const wrong: number[] = []
    let count = 0
    for (const { publicKey, tests } of testGroups)
      for (const { tcId, msg, sig, result } of tests) {
        const key = { id: 'k', algorithm: 'ed25519', publicKey: base64(publicKey.pk) } as const
        const good = verifySignature(key, Buffer.from(msg, 'hex'), Buffer.from(sig, 'hex'))
        if (good !== (result === 'valid')) wrong.push(tcId)
        count += 1
      }
    expect({ count, wrong }).toEqual({ count: 151, wrong: [] })
    expect(numberOfTests).toBe(151)
  })

  it('decides all 174 of HMAC-SHA256: 87 as they say, and refuses the 87 with a shortened tag', () => {
    const { testGroups } = vectors('hmac_sha256_test.json', hmacGroup)
    const wrong: number[] = []
    const counts = { whole: 0, shortened: 0 }
    for (const { tagSize, tests } of testGroups)
      for (const { tcId, key: secret, msg, tag, result } of tests) {
        const key: LicenseKey = {
          id: 'k',
          algorithm: 'hmac-sha256',
          secret: base64(secret),
          acceptedUntil: '2027-01-01T00:00:00Z',
          issued: [],
        }
        const good = verifySignature(key, Buffer.from(msg, 'hex'), Buffer.from(tag, 'hex'))
        const whole = tagSize === 256
        counts[whole ? 'whole' : 'shortened'] += 1
        if (good !== (whole && result === 'valid')) wrong.push(tcId)
      }
    expect({ ...counts, wrong }).toEqual({ whole: 87, shortened: 87, wrong: [] })
  })
})
