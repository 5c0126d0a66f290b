import { parseCommandLine } from '../args.ts'
import { type SunspecModelReport, readSunspecModels } from './sunspec-report.ts'
import { createAsker } from '../drivers/modbus/identify-asker.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { walkUnit } from '../runtime/bind-map.ts'
import { createLibrary } from './library.ts'
import { openBus } from './open-bus.ts'
import { busFlags, busUsage, parseBus, parseUnit, serviceUsage } from './options.ts'
import { failureOf } from './registers.ts'
import { shownNumber, table } from './table.ts'
import { type Command, CommandFailure, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl sunspec --bus ADDRESS --unit N [--json]

Walks the SunSpec models of a device (at 40000, 0 or 50000) and decodes those that are known; the others are shown raw.
${busUsage}  --unit N          unit ID, 0 to 255
Exit code: 0 done, 1 no SunSpec there, 3 no answer.
${serviceUsage}`

export const sunspec: Command = {
  summary: 'the SunSpec models of a device',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({ args, options: busFlags, strict: true })
    const address = parseBus(values.bus)
    const unitId = parseUnit(values.unit)
    await using bus = await openBus(address, terminal)
    const unit = bus.unit(unitId)
    const { answer } = await createAsker(unit, systemClock, terminal.signal).knock()
    if (answer.kind === 'failed') throw failureOf(answer, `unit ${unitId} on ${bus.name}`)
    const layout = await walkUnit(unit, terminal.signal)
    terminal.signal.throwIfAborted()
    if (!layout)
      throw new CommandFailure(exitCode.failed, 'the device answers, but has no SunSpec marker at 40000, 0 or 50000')
    const models = await readSunspecModels(unit, layout, createLibrary().sunspecModels(), terminal.signal)
    terminal.signal.throwIfAborted()
    const { base, warnings } = layout
    if (values.json) terminal.out(`${JSON.stringify({ unitId, base, models, warnings })}\n`)
    else
      terminal.out([`SunSpec at ${base}\n`, ...models.map(describe), ...warnings.map((text) => `${text}\n`)].join('\n'))
    return exitCode.done
  },
}

function describe({ model, title, address, length, points, raw, problem }: SunspecModelReport): string {
  const head = `model ${model}  ${title ?? 'unknown'}  ${length} registers from ${address}\n`
  if (problem !== null) return `${head}  ${problem}\n`
  if (points) {
    const rows = Object.entries(points).map(([name, { value, unit }]) => [
      `  ${name}`,
      value === null ? '-' : shownNumber(value),
      value === null ? '' : unit,
    ])
    return `${head}${table(rows)}`
  }
  const lines = Array.from({ length: Math.ceil(raw.length / 8) }, (_, row) => [
    `  ${address + row * 8}`,
    ...raw.slice(row * 8, row * 8 + 8).map((word) => word.toString(16).padStart(4, '0')),
  ])
  return `${head}${table(lines)}`
}
