import type { TypeSpec } from './point-types.ts'
import { fromBytes, toBytes } from './words.ts'

/** A text as decoded, or why there is none. */
export type TextResult = { readonly text: string } | { readonly reason: string }

const notAvailable: TextResult = { reason: 'not available' }

/** Decodes the types whose value is a text. Words come high byte first. */
export function decodeText(spec: TypeSpec, words: readonly number[]): TextResult {
  const bytes = toBytes(words)
  switch (spec.kind) {
    case 'string':
      return decodeString(bytes)
    case 'bytes':
      return { text: hex(bytes) }
    case 'bcd':
      return /^[0-9]+$/.test(hex(bytes)) ? { text: hex(bytes) } : { reason: `0x${hex(bytes)} is not BCD` }
    case 'date-time':
      return decodeDateTime(words, bytes)
    default:
      return decodeAddress(spec, bytes)
  }
}

/** The words of a text, or undefined when it does not fit or does not have the form of the type. */
export function encodeText(spec: TypeSpec, text: string): readonly number[] | undefined {
  switch (spec.kind) {
    case 'string': {
      const bytes = new TextEncoder().encode(text)
      return bytes.length <= spec.words * 2 ? fromBytes(bytes, spec.words) : undefined
    }
    case 'bytes':
    case 'bcd':
      return text.length === spec.words * 4 && /^[0-9a-f]+$/i.test(text)
        ? fromBytes(Buffer.from(text, 'hex'), spec.words)
        : undefined
    case 'date-time':
      return encodeDateTime(spec, text)
    default:
      return encodeAddress(spec, text)
  }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

const isControl = (byte: number) => byte < 0x20 || byte === 0x7f

function decodeString(bytes: Uint8Array): TextResult {
  const end = bytes.indexOf(0)
  const used = end === -1 ? bytes : bytes.subarray(0, end)
  if (used.every((byte) => byte === 0xff)) return notAvailable
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(used)
  } catch {
    text = Buffer.from(used).toString('latin1')
  }
  text = text.trim()
  if (text === '') return notAvailable
  return used.some(isControl) ? { reason: `0x${hex(used)} is not text` } : { text }
}

function decodeAddress(spec: TypeSpec, bytes: Uint8Array): TextResult {
  if (spec.kind === 'ipv4') return bytes.every((byte) => byte === 0) ? notAvailable : { text: bytes.join('.') }
  if (spec.kind === 'eui48') {
    const address = bytes.subarray(2)
    if (address.every((byte) => byte === 0xff)) return notAvailable
    return { text: Array.from(address, (byte) => byte.toString(16).padStart(2, '0')).join(':') }
  }
  if (bytes.every((byte) => byte === 0)) return notAvailable
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[index * 2]! << 8) | bytes[index * 2 + 1]!).toString(16),
  )
  return { text: new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1) }
}

function encodeAddress(spec: TypeSpec, text: string): readonly number[] | undefined {
  if (spec.kind === 'ipv4') {
    const parts = text.split('.')
    const good = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
    return good ? fromBytes(Uint8Array.from(parts, Number), 2) : undefined
  }
  if (spec.kind === 'eui48') {
    if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) return undefined
    return fromBytes(Buffer.from(`0000${text.replaceAll(':', '')}`, 'hex'), 4)
  }
  if (!/^[0-9a-f:]+$/i.test(text) || !URL.canParse(`http://[${text}]`)) return undefined
  const [left = '', right] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const groups = (part: string | undefined) => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [])
  const [high, low] = [groups(left), groups(right)]
  return [...high, ...Array.from({ length: 8 - high.length - low.length }, () => 0), ...low]
}

const two = (value: number) => String(value).padStart(2, '0')

/** Device clocks know no zone: the text is the device's own local time, except for seconds since 1970 (UTC). */
function decodeDateTime(words: readonly number[], bytes: Uint8Array): TextResult {
  if (bytes.every((byte) => byte === 0) || bytes.every((byte) => byte === 0xff)) return notAvailable
  if (words.length === 2) {
    const seconds = words[0]! * 65_536 + words[1]!
    return { text: new Date(seconds * 1000).toISOString().replace('.000', '') }
  }
  const parts = words.length === 3 ? [...bytes] : words
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
  const full = year < 100 ? 2000 + year : year
  const text = `${full}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`
  return isDateTime(text) ? { text } : { reason: `${parts.join(' ')} is not a date and time` }
}

/** True for a date that exists: Date.parse alone would roll 31 April over to May. */
function isDateTime(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return false
  const time = Date.parse(`${text}Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

function encodeDateTime(spec: TypeSpec, text: string): readonly number[] | undefined {
  if (spec.words === 2) {
    const seconds = Date.parse(text) / 1000
    const good = text.endsWith('Z') && Number.isInteger(seconds) && seconds > 0 && seconds < 0xffffffff
    return good ? [Math.floor(seconds / 65_536), seconds % 65_536] : undefined
  }
  if (!isDateTime(text)) return undefined
  const parts = text.split(/[-T:]/).map(Number)
  const year = parts[0]!
  if (spec.words === 6) return year >= 2000 && year < 2100 ? [year - 2000, ...parts.slice(1)] : parts
  if (year < 2000 || year > 2099) return undefined
  return fromBytes(Uint8Array.from([year - 2000, ...parts.slice(1)]), 3)
}
