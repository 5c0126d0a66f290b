import { framingOf } from '../listen/router.ts'
import type { Chunk, Framing } from '../listen/types.ts'

/** One line of a log. */
export interface HexLine {
  /** Absent in a log without times. */
  readonly atMs?: number
  readonly from?: 'client' | 'server'
  readonly bytes: Buffer
}

/** What may stand before the bytes: who sent them, seen from the client that wrote the log. */
const senders: Readonly<Record<string, 'client' | 'server'>> = {
  '>': 'client',
  tx: 'client',
  out: 'client',
  sent: 'client',
  '<': 'server',
  rx: 'server',
  in: 'server',
  received: 'server',
}

const time = String.raw`\[?(?<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d\d:\d\d:\d\d(?:[.,]\d+)?|\d{9,13}(?:\.\d+)?|\d{1,8}\.\d+)\]?`
const sender = String.raw`(?<sender>[<>]|tx|rx|in|out|sent|received)\s*:?`
const hex = String.raw`(?<hex>(?:0x)?[0-9a-f]{2}(?:[\s,:-]*(?:0x)?[0-9a-f]{2})*)`
const pattern = new RegExp(String.raw`^(?:${time}[\s,;:]+)?(?:${sender}\s*)?${hex}$`, 'i')

/** A line of the form `[time] [tx|rx|>|<] bytes in hex`; undefined for any other. */
export function parseHexLine(line: string): HexLine | undefined {
  const { groups } = pattern.exec(line.trim()) ?? {}
  if (!groups) return undefined
  const bytes = Buffer.from(groups.hex!.replaceAll(/0x|[^0-9a-f]/gi, ''), 'hex')
  const atMs = groups.time === undefined ? undefined : timeOf(groups.time)
  const from = groups.sender === undefined ? undefined : senders[groups.sender.toLowerCase()]
  return { bytes, ...(atMs !== undefined && { atMs }), ...(from && { from }) }
}

/** ISO 8601, a time of day, or seconds or milliseconds since 1970 or since whenever. */
function timeOf(text: string): number | undefined {
  const plain = text.replace(',', '.')
  if (/^\d+(\.\d+)?$/.test(plain)) {
    const value = Number(plain)
    return value >= 1e11 ? value : value * 1000
  }
  const [, hours, minutes, seconds] = /^(\d\d):(\d\d):(\d\d(?:\.\d+)?)$/.exec(plain) ?? []
  if (hours !== undefined) return (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000
  const parsed = Date.parse(plain.replace(' ', 'T'))
  return Number.isNaN(parsed) ? undefined : parsed
}

export interface HexLogReader {
  push(text: string): void
  end(): void
  /** Lines with bytes, and lines that are neither those nor comments. */
  readonly lines: number
  readonly skipped: number
  /** Number and text of the first one that was skipped. */
  readonly firstSkipped: string | undefined
}

const longestLine = 65_536

/** Reads a text with bytes in hex, one chunk per line; `#` and `//` begin comments. */
export function createHexLogReader(deliver: (chunk: Chunk) => void): HexLogReader {
  let rest = ''
  let number = 0
  let lines = 0
  let skipped = 0
  let firstSkipped: string | undefined
  let framing: Framing | undefined
  let lastMs = 0

  function readLine(line: string): void {
    number++
    const text = line.trim()
    if (text === '' || text.startsWith('#') || text.startsWith('//')) return
    const parsed = parseHexLine(text)
    if (!parsed) {
      skipped++
      firstSkipped ??= `line ${number}: "${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`
      return
    }
    lines++
    const { bytes, atMs = lastMs, from } = parsed
    lastMs = atMs
    framing ??= framingOf({ bytes }) ?? 'rtu'
    deliver({ atMs, bytes, framing, ...(from && { from }) })
  }

  return {
    push(text) {
      const all = (rest + text).split(/\r?\n/)
      rest = all.pop()!
      all.forEach(readLine)
      if (rest.length <= longestLine) return
      readLine(rest)
      rest = ''
    },
    end() {
      if (rest !== '') readLine(rest)
      rest = ''
    },
    get lines() {
      return lines
    },
    get skipped() {
      return skipped
    },
    get firstSkipped() {
      return firstSkipped
    },
  }
}
