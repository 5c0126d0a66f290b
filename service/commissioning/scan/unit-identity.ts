import type { BusUnit } from '../../drivers/modbus/bus.ts'
import type { ReadRequest } from '../../drivers/modbus/pdu.ts'

const questions: readonly ReadRequest[] = [
  { fn: 43, access: 1, objectId: 0 },
  { fn: 3, address: 40_000, count: 2 },
  { fn: 17 },
]
/** Serial number of the SunSpec common model behind the usual marker. */
const sunspecSerial: ReadRequest = { fn: 3, address: 40_052, count: 16 }
const marker = [0x5375, 0x6e53]

/**
 * What a unit says of itself, as one text: equal for one device under several IDs. Readings that change by themselves are
 * not part of it.
 */
export async function identityOf(unit: BusUnit, waitMs: number, signal: AbortSignal): Promise<string> {
  const parts: string[] = []
  for (const request of questions) {
    const answer = await unit.ask(request, { priority: 'scan', probeMs: waitMs, signal })
    if (answer.kind === 'identification')
      parts.push([...answer.identification.objects].map(([id, text]) => `${id} ${text.toString('hex')}`).join())
    else if (answer.kind === 'server-id') parts.push(answer.data.toString('hex'))
    else if (answer.kind === 'exception') parts.push(`exception ${answer.code}`)
    else if (answer.kind !== 'words') parts.push(answer.kind)
    else {
      const isSunspec = marker.every((word, i) => answer.words[i] === word)
      const serial = isSunspec
        ? await unit.ask(sunspecSerial, { priority: 'scan', probeMs: waitMs, signal })
        : undefined
      parts.push(serial?.kind === 'words' ? `SunSpec ${serial.words.join()}` : 'data')
    }
  }
  return parts.join('; ')
}
