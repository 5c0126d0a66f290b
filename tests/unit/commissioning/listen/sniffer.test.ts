import { describe, expect, test } from 'vitest'
import { collect } from './collect.ts'
import { cut, makeTraffic, type MadeFrame } from './traffic.ts'

/** Ten in the long campaign. */
const megabytes = Number(process.env['R_EMS_SNIFF_MB'] ?? 1)

describe(`${megabytes} MB of mixed traffic, cut in chunks of 1 to 62 bytes, without any pauses`, () => {
  test.each([0, 1e-4, 1e-3])('at a bit error rate of %d', { timeout: 30_000 * megabytes }, (bitErrorRate) => {
    const traffic = makeTraffic(1 + Math.round(bitErrorRate * 1e5), megabytes * 1e6, bitErrorRate)
    const { decoder, frames, pairs } = collect()
    for (const chunk of cut(traffic.bytes, 7)) decoder.push(chunk, 0)
    decoder.end()

    // Every byte is in exactly one frame or rejection, in order.
    expect(frames.map(({ hex }) => hex).join('') === Buffer.from(traffic.bytes).toString('hex')).toBe(true)

    const places = new Map<number, number>()
    let at = 0
    for (const { number, hex } of frames) {
      places.set(number, at)
      at += hex.length / 2
    }
    const made = new Map(traffic.frames.map((frame) => [frame.at, frame]))
    const truth = (number: number): MadeFrame | undefined => made.get(places.get(number)!)
    const valid = frames.filter(({ role }) => role !== 'rejected')
    const recovered = valid.filter(({ number, hex }) => {
      const frame = truth(number)
      return frame !== undefined && !frame.damaged && frame.bytes.length * 2 === hex.length
    })
    const intact = traffic.frames.filter(({ damaged }) => !damaged)
    const falsePairs = pairs.filter(([request, answer]) => {
      const [asked, answered] = [truth(request.number), truth(answer.number)]
      return asked?.kind !== 'request' || answered?.kind !== 'answer' || asked.exchange !== answered.exchange
    })
    const wrongRoles = recovered.filter(
      ({ number, role }) => role !== 'unknown' && (role === 'request') !== (truth(number)!.kind === 'request'),
    )
    expect(intact.length).toBeGreaterThan(20_000 * megabytes)
    expect(recovered.length / intact.length).toBeGreaterThanOrEqual(0.995)
    expect(falsePairs.length).toBeLessThanOrEqual(Math.max(0, Math.floor(megabytes / 10)))
    expect(wrongRoles).toEqual([])
    // A checksum of 16 bits is right by chance now and then, in what is damaged.
    const imagined = valid.filter(({ number, hex }) => truth(number)?.bytes.length !== hex.length / 2)
    expect(imagined.length / valid.length).toBeLessThan(1e-4)
    // Pairs whose two frames arrived intact, as far as they can be known for sure.
    const exchanges = new Map<number, number>()
    for (const { exchange } of intact) exchanges.set(exchange, (exchanges.get(exchange) ?? 0) + 1)
    const whole = [...exchanges.values()].filter((count) => count === 2).length
    expect(pairs.length / whole).toBeGreaterThan(bitErrorRate > 5e-4 ? 0.9 : 0.98)
  })
})
