/** What a bus may carry. Fixed when the bus is made; nothing changes it afterwards. */
export type Access = 'read-only' | 'armed'

const harmlessFunctions: ReadonlySet<number> = new Set([1, 2, 3, 4, 17])
/** FC08 counters. 01 restarts, 04 silences and 0A clears the device, so these are all that is let through. */
const harmlessCounters: ReadonlySet<number> = new Set([0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x12])

/**
 * Throws unless the encoded PDU at frame[at] may be sent with this access. The bytes are judged, not the intention:
 * this stands between every frame and the wire.
 */
export function assertAllowed(access: Access, frame: Uint8Array, at: number): void {
  if (access === 'armed') return
  const fn = frame[at]!
  if (harmlessFunctions.has(fn)) return
  if (fn === 43 && frame[at + 1] === 14) return
  if (fn === 8 && frame[at + 1] === 0 && harmlessCounters.has(frame[at + 2]!)) return
  throw new Error(`a read-only bus does not carry function ${fn}`)
}
