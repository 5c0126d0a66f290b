import { deviceAnswer } from '#contract/setup.ts'
import { parseBusAddress } from '../drivers/modbus/address.ts'
import { recordOf } from '../setup/places.ts'
import type { Library } from './library.ts'
import { openBus } from './open-bus.ts'
import { deviceOn, firstPoll, shownPoints } from './reading.ts'
import { shownNumber, table } from './table.ts'
import type { Terminal } from './terminal.ts'

const most = 12
const asked = deviceAnswer.pick({ connection: true, unitId: true, map: true })

/** What the device of an answer says now, as lines of text. Through the service where that holds the bus. */
export async function readAnswer(device: unknown, library: Library, terminal: Terminal): Promise<string> {
  const { connection, unitId, map } = recordOf(device)
  const wanted = asked.parse({ connection, unitId, map })
  await using bus = await openBus(parseBusAddress(wanted.connection), terminal)
  await using reader = deviceOn(bus, wanted.unitId, library.load(wanted.map), library.sunspecModels())
  await firstPoll(reader, terminal.signal)
  const { state, reason = 'it does not answer' } = reader.link()
  if (state === 'silent' || state === 'connecting') return `  Nothing was read: ${reason}\n`
  const good = Object.entries(shownPoints(reader)).filter(([, { value }]) => value !== null)
  const rows = good
    .slice(0, most)
    .map(([name, { value, unit }]) => [`  ${name}`, value === null ? '' : shownNumber(value), unit])
  return rows.length > 0 ? table(rows, [1]) : '  It answers, but gives none of the values of this map.\n'
}
