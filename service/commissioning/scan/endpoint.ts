import type { ScannedEndpoint } from '#contract/workbench-scan.ts'
import type { Clock } from '../../domain/clock.ts'
import { formatBusAddress, type TcpAddress } from '../../drivers/modbus/address.ts'
import type { ReadOnlyBus } from '../../drivers/modbus/bus.ts'
import { isPath, question } from './unit-sweep.ts'

/** IDs that a device with a connection of its own answers to. */
const usualIds = [1, 255, 247]
const waitMs = 1000
const longestReason = 300

/**
 * What is behind an address: undefined when nothing takes connections there. Never rejects, whatever is sent: a program
 * that is no Modbus device is left at its first wrong byte.
 */
export async function lookAtEndpoint(
  bus: ReadOnlyBus,
  { host, port }: TcpAddress,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ScannedEndpoint | undefined> {
  const place = { bus: formatBusAddress({ kind: 'tcp', host, port }), host, port }
  for (const unitId of usualIds) {
    const fromMs = clock.monotonicMs()
    const answer = await bus.unit(unitId).ask(question, { priority: 'scan', probeMs: waitMs, signal })
    const latencyMs = Math.round(clock.monotonicMs() - fromMs)
    if (signal.aborted) return undefined
    if (answer.kind !== 'failed') {
      const text = isPath(answer) ? 'a gateway; nobody behind it under the first unit ID' : 'Modbus'
      return { ...place, status: 'modbus', latencyMs, text }
    }
    if (answer.failure === 'garbled')
      return { ...place, status: 'other', latencyMs, text: 'sends frames, but none that answers' }
    if (answer.failure === 'timeout') continue
    if (bus.stats().opens === 0) return undefined
    const text = answer.reason.slice(0, longestReason)
    const other = /no Modbus TCP/.test(text)
    return { ...place, status: other ? 'other' : 'reset', latencyMs: null, text }
  }
  return { ...place, status: 'silent', latencyMs: null, text: 'takes connections, but does not answer' }
}
