import { parseCommandLine, UsageError } from '../args.ts'
import type { BusUnit, ReadOnlyBus } from '../drivers/modbus/bus.ts'
import { type Answer, exceptionText } from '../drivers/modbus/pdu.ts'
import { createImage, type FillableImage } from '../drivers/modbus/register-image.ts'
import { decodePoint } from '../pointmap/codec.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import type { DecodedValue, RegisterFunction } from '../pointmap/types.ts'
import { pointAt, type RegisterFormat } from '../runtime/register-value.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { openBus } from './open-bus.ts'
import {
  busFlags,
  busUsage,
  formatFlags,
  parseBus,
  parseFormat,
  parseUnit,
  parseWhole,
  serviceUsage,
} from './options.ts'
import { clean, table } from './table.ts'
import { type Command, CommandFailure, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl registers --bus ADDRESS --unit N --fc 1|2|3|4 --address A [--count N]
                          [--type T] [--order O] [--scale S] [--json]

Reads registers as they are, and as a value.
${busUsage}  --unit N          unit ID, 0 to 255
  --fc F            1 coils, 2 discrete inputs, 3 holding registers, 4 input registers
  --address A       first one, zero-based as on the wire; decimal or 0x
  --count N         how many; default one, or what --type takes
  --type T          int16, uint32, float32, uint64, string:8, bcd:2, bit:3 ... (pointmaps/README.md)
  --order O         ABCD or big (default), CDAB or little, BADC, DCBA
  --scale S         value = raw * S
Exit code: 0 done, 3 no answer, 4 the device answered with an exception.
${serviceUsage}`

const functions: readonly RegisterFunction[] = ['coil', 'discrete', 'holding', 'input']
/** A unit that is not known to live is asked again after it was left in peace. */
const attempts = 3
const pauseMs = 600

export const registers: Command = {
  summary: 'registers as they are, and as a value',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...busFlags,
        ...formatFlags,
        fc: { type: 'string' },
        address: { type: 'string' },
        count: { type: 'string' },
      },
      strict: true,
    })
    const place = parseBus(values.bus)
    const unitId = parseUnit(values.unit)
    const fn = functions[parseWhole(values.fc ?? '3', '--fc', 1, 4) - 1]!
    const address = parseWhole(values.address, '--address', 0, 65_535)
    const format = values.type === undefined ? undefined : parseFormat(values)
    if (!format && (values.order ?? values.scale) !== undefined) throw new UsageError('--order and --scale need --type')
    const width = format ? typeSpec(format.type).words : 1
    const count = values.count === undefined ? width : parseWhole(values.count, '--count', 1, 65_536)
    if (address + count > 65_536) throw new UsageError(`${count} registers from ${address} on reach past 65535`)
    if (count < width) throw new UsageError(`--count: ${format?.type} takes ${width} registers`)

    await using bus = await openBus(place, terminal)
    const image = await readAll(bus, unitId, fn, address, count, terminal.signal)
    terminal.signal.throwIfAborted()
    const list = Array.from({ length: count }, (_, index) => ({
      address: address + index,
      raw: image.word(fn, address + index)!,
    }))
    const decoded = format ? decodeAll(fn, address, count, format, image) : undefined
    const value = decoded === undefined ? null : decoded.length === 1 ? decoded[0]! : decoded
    terminal.out(values.json ? `${JSON.stringify({ registers: list, value })}\n` : describe(list, decoded))
    return exitCode.done
  },
}

/** Reads any number of registers, in the largest requests. */
async function readAll(
  bus: ReadOnlyBus,
  unitId: number,
  fn: RegisterFunction,
  address: number,
  count: number,
  signal: AbortSignal,
): Promise<FillableImage> {
  const image = createImage()
  const unit = bus.unit(unitId)
  const most = fn === 'coil' || fn === 'discrete' ? 2000 : 125
  for (let first = address; first < address + count; first += most) {
    const size = Math.min(most, address + count - first)
    const answer = await ask(unit, fn, first, size, signal)
    if (answer.kind === 'words') image.put({ function: fn, address: first, words: answer.words })
    else if (answer.kind === 'bits') image.put({ function: fn, address: first, words: answer.bits })
    else throw failureOf(answer, `${fn} ${first} to ${first + size - 1} of unit ${unitId} on ${bus.name}`)
  }
  return image
}

async function ask(
  unit: BusUnit,
  fn: RegisterFunction,
  address: number,
  count: number,
  signal: AbortSignal,
): Promise<Answer> {
  const code = (functions.indexOf(fn) + 1) as 1 | 2 | 3 | 4
  for (let attempt = 1; ; attempt++) {
    const answer = await unit.ask({ fn: code, address, count }, { signal })
    const again = answer.kind === 'failed' && ['timeout', 'garbled', 'crc', 'silent'].includes(answer.failure)
    if (!again || attempt === attempts || signal.aborted) return answer
    await systemClock.sleep(pauseMs, signal).catch(() => undefined)
  }
}

/** An answer without data, as the end of a command. */
export function failureOf(answer: Answer, what: string): CommandFailure {
  if (answer.kind === 'exception')
    return new CommandFailure(
      exitCode.deviceException,
      `${what}: exception ${answer.code}, ${exceptionText(answer.code)}`,
    )
  const reason = answer.kind === 'failed' ? answer.reason : 'an answer of another kind'
  return new CommandFailure(exitCode.noAnswer, `${what}: ${reason}`)
}

/** As many values as fit, one after the other; null for one that is not available. */
function decodeAll(
  fn: RegisterFunction,
  address: number,
  count: number,
  format: RegisterFormat,
  image: FillableImage,
): (DecodedValue | null)[] {
  const { words } = typeSpec(format.type)
  return Array.from({ length: Math.floor(count / words) }, (_, index) => {
    const decoded = decodePoint(pointAt(fn, address + index * words, format), image)
    return decoded.ok ? decoded.value : null
  })
}

function describe(
  list: readonly { address: number; raw: number }[],
  decoded: readonly (DecodedValue | null)[] | undefined,
): string {
  const rows = list.map(({ address, raw }) => [
    String(address),
    `0x${raw.toString(16).padStart(4, '0')}`,
    String(raw),
    raw > 0x7fff ? String(raw - 0x1_0000) : '',
    textOf(raw),
  ])
  const values = decoded?.map((value) => `value  ${value === null ? 'not available' : clean(String(value))}\n`) ?? []
  return `${table([['address', 'hex', 'unsigned', 'signed', 'text'], ...rows], [0, 2, 3])}${values.join('')}`
}

/** The two characters of a register, a dot for what is none. */
function textOf(word: number): string {
  return String.fromCharCode(word >> 8, word & 0xff).replaceAll(/[^\x20-\x7e]/g, '.')
}
