import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readIdentification } from '../../../service/drivers/modbus/fc43.ts'
import type { Answer, ReadRequest } from '../../../service/drivers/modbus/pdu.ts'

type Part = { readonly objects: Readonly<Record<number, string>>; readonly more?: number; readonly conformity?: number }

const part = ({ objects, more, conformity = 0x83 }: Part): Answer => ({
  kind: 'identification',
  identification: {
    conformity,
    moreFollows: more !== undefined,
    nextObjectId: more ?? 0,
    objects: new Map(Object.entries(objects).map(([id, text]) => [Number(id), Buffer.from(text)])),
  },
})

/** A device whose answers a test decides, and what it was asked. */
function deviceWith(answer: (access: number, objectId: number) => Answer) {
  const asked: [number, number][] = []
  const ask = (request: ReadRequest): Promise<Answer> => {
    if (request.fn !== 43) throw new Error('not an identification')
    asked.push([request.access, request.objectId])
    return Promise.resolve(answer(request.access, request.objectId))
  }
  return { ask, asked }
}

describe('readIdentification', () => {
  it('reads all levels that the device states, in as many parts as it sends', async () => {
    const parts: Record<string, Part> = {
      '1 0': { objects: { 0: 'Acme' }, more: 1 },
      '1 1': { objects: { 1: 'X1', 2: '3.4' } },
      '2 3': { objects: { 4: 'Meter\0\n', 5: 'X1-B' } },
      '3 128': { objects: { 128: '\u00ff' }, more: 200 },
      '3 200': { objects: { 200: 'child' } },
    }
    const { ask, asked } = deviceWith((access, id) => part(parts[`${access} ${id}`]!))
    const found = await readIdentification(ask)
    expect(Object.fromEntries(found!.objects)).toEqual({
      0: 'Acme',
      1: 'X1',
      2: '3.4',
      4: 'Meter',
      5: 'X1-B',
      128: '\u00ff',
      200: 'child',
    })
    expect(found).toMatchObject({ level: 3, individual: true, warnings: [] })
    expect(asked).toHaveLength(5)
  })

  it('asks a basic device for the basic level only', async () => {
    const { ask, asked } = deviceWith(() => part({ objects: { 0: 'Acme', 1: 'X', 2: '1' }, conformity: 1 }))
    await expect(readIdentification(ask)).resolves.toMatchObject({ level: 1, individual: false })
    expect(asked).toEqual([[1, 0]])
  })

  it('asks one object after the other where streams are refused', async () => {
    const { ask } = deviceWith((access, id) => {
      if (access !== 4) return { kind: 'exception', code: 3 }
      return id === 0 || id === 5 ? part({ objects: { [id]: `object ${id}` } }) : { kind: 'exception', code: 2 }
    })
    const found = await readIdentification(ask)
    expect([...found!.objects.values()]).toEqual(['object 0', 'object 5'])
  })

  it.each([
    ['an illegal function', { kind: 'exception', code: 1 }],
    ['silence', { kind: 'failed', failure: 'timeout', reason: 'no answer', sent: true }],
    ['a garbled answer', { kind: 'failed', failure: 'garbled', reason: 'a malformed identification', sent: true }],
  ] as const)('takes %s for a device without the function, with one request', async (_, answer) => {
    const { ask, asked } = deviceWith(() => answer)
    await expect(readIdentification(ask)).resolves.toBeUndefined()
    expect(asked).toHaveLength(1)
  })

  it.each([
    ['the same part for ever', () => part({ objects: { 0: 'Acme' }, more: 0 })],
    ['a part that leads back', (_: number, id: number) => part({ objects: { [id]: 'a' }, more: id === 0 ? 5 : 3 })],
    ['empty parts for ever', () => part({ objects: {}, more: 1 })],
  ])('leaves a device that sends %s', async (_, answer) => {
    const { ask, asked } = deviceWith(answer)
    const found = await readIdentification(ask)
    expect(found!.warnings.length).toBeGreaterThan(0)
    expect(asked.length).toBeLessThan(10)
  })

  it('ends, whatever a device answers', async () => {
    const anyPart = fc.record({
      objects: fc.dictionary(fc.integer({ min: 0, max: 255 }).map(String), fc.string({ maxLength: 5 }), { maxKeys: 4 }),
      more: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
      conformity: fc.integer({ min: 0, max: 255 }),
    })
    const anyAnswer = fc.oneof(
      anyPart.map(({ more, ...rest }) => part(more === undefined ? rest : { ...rest, more })),
      fc.integer({ min: 1, max: 11 }).map((code): Answer => ({ kind: 'exception', code })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(anyAnswer, { minLength: 1, maxLength: 300 }), async (answers) => {
        let at = 0
        const { ask, asked } = deviceWith(() => answers[at++ % answers.length]!)
        await readIdentification(ask)
        expect(asked.length).toBeLessThanOrEqual(3 * 24 + 7)
      }),
    )
  })
})
