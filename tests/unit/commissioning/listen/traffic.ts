/**
 * Makes RS-485 traffic of which everything is known: which frames there are, and which answer which. Written without the
 * code under test: its own checksum, its own encoding.
 */
export interface MadeFrame {
  readonly bytes: Uint8Array
  /** Position in the stream. */
  readonly at: number
  /** Number of the exchange it belongs to. */
  readonly exchange: number
  readonly kind: 'request' | 'answer'
  damaged: boolean
}

export interface Traffic {
  readonly bytes: Uint8Array
  readonly frames: readonly MadeFrame[]
}

export interface Random {
  /** 0 <= x < 1 */
  next(): number
  /** 0 <= n < below */
  below(below: number): number
}

/** Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return { next, below: (below) => Math.floor(next() * below) }
}

export function checksum(bytes: readonly number[]): number {
  let crc = 0xffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) {
      const carry = crc & 1
      crc >>= 1
      if (carry) crc ^= 0xa001
    }
  }
  return crc
}

export function withChecksum(body: readonly number[]): number[] {
  const crc = checksum(body)
  return [...body, crc % 256, crc >> 8]
}

const word = (value: number): number[] => [value >> 8, value % 256]

type Exchange = readonly [request: number[], answer: number[] | undefined]

/** What a client asks again and again: blocks of equal length at many addresses, and the same write as a sign of life. */
interface Poll {
  readonly request: number[]
  /** Registers of the answer; undefined of a write. */
  readonly count: number | undefined
}

function makePolls(random: Random, units: readonly number[]): Poll[] {
  return units.flatMap((unit) => [
    ...Array.from({ length: 6 }, (_, index): Poll => {
      const count = index < 4 ? 10 : 2
      return { request: [unit, 3 + (index % 2), ...word(random.below(60_000)), ...word(count)], count }
    }),
    { request: [unit, 6, 0, 100, 0, 1], count: undefined },
  ])
}

function poll(random: Random, { request, count }: Poll): Exchange {
  if (count === undefined) return [request, request]
  const data = Array.from({ length: 2 * count }, () => random.below(256))
  return [request, random.below(30) === 0 ? undefined : [request[0]!, request[1]!, 2 * count, ...data]]
}

/** One question and its answer, of any kind, with frames up to 256 bytes. */
function makeExchange(random: Random, unit: number): Exchange {
  const address = random.below(60_000)
  const data = (count: number): number[] => Array.from({ length: count }, () => random.below(256))
  const kind = random.below(100)
  const exception = (fc: number): number[] => [unit, fc + 128, 1 + random.below(4)]
  if (kind < 55) {
    const fc = 3 + random.below(2)
    const count = random.below(10) === 0 ? 125 : 1 + random.below(60)
    const request = [unit, fc, ...word(address), ...word(count)]
    if (random.below(25) === 0) return [request, exception(fc)]
    if (random.below(25) === 0) return [request, undefined]
    return [request, [unit, fc, 2 * count, ...data(2 * count)]]
  }
  if (kind < 67) {
    const fc = 1 + random.below(2)
    const count = 1 + random.below(random.below(4) === 0 ? 2000 : 40)
    const size = Math.ceil(count / 8)
    return [
      [unit, fc, ...word(address), ...word(count)],
      [unit, fc, size, ...data(size)],
    ]
  }
  if (kind < 75) {
    const request = [unit, 6, ...word(address), ...data(2)]
    return [request, random.below(20) === 0 ? exception(6) : request]
  }
  if (kind < 79) {
    const request = [unit, 5, ...word(address), random.below(2) * 255, 0]
    return [request, request]
  }
  if (kind < 88) {
    const count = 1 + random.below(random.below(5) === 0 ? 123 : 12)
    const head = [unit, 16, ...word(address), ...word(count)]
    return [[...head, 2 * count, ...data(2 * count)], random.below(20) === 0 ? exception(16) : head]
  }
  if (kind < 90) {
    const count = 1 + random.below(100)
    const size = Math.ceil(count / 8)
    const head = [unit, 15, ...word(address), ...word(count)]
    return [[...head, size, ...data(size)], head]
  }
  if (kind < 92) {
    const read = 1 + random.below(100)
    const write = 1 + random.below(100)
    const request = [unit, 23, ...word(address), ...word(read), ...word(7), ...word(write), 2 * write]
    return [
      [...request, ...data(2 * write)],
      [unit, 23, 2 * read, ...data(2 * read)],
    ]
  }
  if (kind < 94) {
    const request = [unit, 22, ...word(address), ...data(4)]
    return [request, request]
  }
  if (kind < 95) {
    const request = [unit, 8, 0, 0, ...data(2)]
    return [request, request]
  }
  if (kind < 96)
    return [
      [unit, 17],
      [unit, 17, 12, ...data(12)],
    ]
  if (kind < 98) {
    const objects = [0, 1, 2].flatMap((id) => {
      const text = Array.from({ length: 4 + random.below(20) }, () => 65 + random.below(26))
      return [id, text.length, ...text]
    })
    return [
      [unit, 43, 14, 1, 0],
      [unit, 43, 14, 1, 1, 0, 0, 3, ...objects],
    ]
  }
  // A function that belongs to its vendor.
  const fc = 100 + random.below(11)
  return [
    [unit, fc, ...data(1 + random.below(200))],
    [unit, fc, ...data(1 + random.below(252))],
  ]
}

/** Traffic of about `size` bytes, its bits then flipped at this rate. */
export function makeTraffic(seed: number, size: number, bitErrorRate: number): Traffic {
  const random = createRandom(seed)
  const units = Array.from({ length: 6 }, () => 1 + random.below(247))
  const polls = makePolls(random, units)
  const bytes = new Uint8Array(size + 1024)
  const frames: MadeFrame[] = []
  /** Returns where the next frame begins. */
  const put = (at: number, body: readonly number[], exchange: number, kind: MadeFrame['kind']): number => {
    const whole = Uint8Array.from(withChecksum(body))
    bytes.set(whole, at)
    frames.push({ bytes: whole, at, exchange, kind, damaged: false })
    return at + whole.length
  }
  let at = 0
  for (let exchange = 0; at < size; exchange++) {
    const [request, answer] =
      random.below(2) === 0
        ? poll(random, polls[random.below(polls.length)]!)
        : makeExchange(random, units[random.below(units.length)]!)
    at = put(at, request, exchange, 'request')
    if (answer) at = put(at, answer, exchange, 'answer')
  }
  const stream = bytes.slice(0, at)
  damage(stream, frames, random, bitErrorRate)
  return { bytes: stream, frames }
}

function damage(stream: Uint8Array, frames: readonly MadeFrame[], random: Random, rate: number): void {
  if (rate === 0) return
  let frame = 0
  const step = (): number => 1 + Math.floor(Math.log(1 - random.next()) / Math.log(1 - rate))
  for (let bit = step() - 1; bit < stream.length * 8; bit += step()) {
    const at = bit >> 3
    stream[at]! ^= 1 << (bit & 7)
    while (frame + 1 < frames.length && frames[frame + 1]!.at <= at) frame++
    frames[frame]!.damaged = true
  }
}

/** Cuts a stream in chunks of 1 to 62 bytes, without regard to frames. */
export function* cut(bytes: Uint8Array, seed: number, most = 62): Generator<Uint8Array> {
  const random = createRandom(seed)
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.below(most)
    yield bytes.subarray(at, at + size)
    at += size
  }
}
