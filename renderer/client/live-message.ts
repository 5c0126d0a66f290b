import type { LiveMessage } from '#contract/live.ts'

const types: ReadonlySet<string> = new Set([
  'power-flow',
  'status',
  'event',
  'devices',
  'device',
  'workbench',
  'checks',
  'job',
  'watch',
  'error',
])

/**
 * Reads one frame of the live socket. The service sends what it has checked against the contract, so only the envelope
 * is looked at here; the end-to-end tests parse every frame in full.
 */
export function parseLiveMessage(text: string): LiveMessage | undefined {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof frame !== 'object' || frame === null || !('type' in frame) || !('data' in frame)) return undefined
  if (typeof frame.type !== 'string' || !types.has(frame.type)) return undefined
  if (typeof frame.data !== 'object' || frame.data === null) return undefined
  return frame as LiveMessage
}
