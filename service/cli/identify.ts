import { parseCommandLine } from '../args.ts'
import { type Candidate, identifyUnit } from '../drivers/modbus/identify.ts'
import { identifyBus } from '../drivers/modbus/identify-auto.ts'
import type { ReadOnlyBus } from '../drivers/modbus/bus.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { createLibrary, type Library } from './library.ts'
import { openBus } from './open-bus.ts'
import { busFlags, busUsage, mapFlags, parseBus, parseUnitOrAuto, serviceUsage } from './options.ts'
import { clean, table } from './table.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl identify --bus ADDRESS --unit N|auto [--maps FOLDER] [--json]

Finds out what a device is, and shows why it thinks so. Only reads.
${busUsage}  --unit N|auto     auto tries the unit IDs that devices leave the factory with
  --maps FOLDER     own point maps, in front of those of the package
Connecting may displace another program from a device that serves one client only.
Exit code: 0 done, 3 no answer.
${serviceUsage}`

/** Candidates that a person is shown with their evidence. */
const mostDescribed = 3

export interface Identified {
  /** Likeliest first. */
  readonly candidates: readonly Candidate[]
  readonly notes: readonly string[]
  /** Units that answer. */
  readonly unitIds: readonly number[]
}

/** What answers under a unit ID, or under any usual one. Broken maps are reported and left out. */
export async function identifyOn(
  bus: ReadOnlyBus,
  unit: number | 'auto',
  library: Library,
  { signal, err }: Terminal,
): Promise<Identified> {
  const { maps, broken } = library.all()
  for (const { id, reason } of broken) err(`the map ${id} is left out: ${reason}\n`)
  const options = { bus, clock: systemClock, maps, sunspecModels: library.sunspecModels(), signal }
  if (unit === 'auto') return identifyBus(options)
  const found = await identifyUnit(options, unit)
  return found.kind === 'present'
    ? { candidates: found.candidates, notes: [], unitIds: [unit] }
    : { candidates: [], notes: [`no answer from unit ${unit} on ${bus.name}: ${found.reason}`], unitIds: [] }
}

export const identify: Command = {
  summary: 'what a device is, and why',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({ args, options: { ...busFlags, ...mapFlags }, strict: true })
    const address = parseBus(values.bus)
    const unit = parseUnitOrAuto(values.unit)
    await using bus = await openBus(address, terminal)
    const { candidates, notes, unitIds } = await identifyOn(bus, unit, createLibrary(values.maps), terminal)
    terminal.signal.throwIfAborted()
    if (values.json) terminal.out(`${JSON.stringify({ candidates: candidates.map(shown), notes })}\n`)
    if (unitIds.length === 0) throw new CommandFailure(exitCode.noAnswer, notes.join('; '))
    if (!values.json) terminal.out(describe(candidates, notes))
    return exitCode.done
  },
}

/** Every field is there; what is not known is null. */
function shown({ unitId, map, vendor, model, serial, firmware, confidence, evidence }: Candidate): object {
  const known = { map, vendor, model, serial, firmware }
  const fields = Object.fromEntries(Object.entries(known).map(([name, text]) => [name, text ?? null]))
  return { unitId, ...fields, confidence, evidence }
}

function describe(candidates: readonly Candidate[], notes: readonly string[]): string {
  const rest = candidates.slice(mostDescribed).map(({ map, confidence }) => `${map} ${Math.round(confidence * 100)} %`)
  const blocks = candidates
    .slice(0, mostDescribed)
    .map(({ unitId, map, vendor, model, serial, firmware, confidence, evidence }) => {
      const head = `unit ${unitId}  ${map ?? 'no map'}  ${Math.round(confidence * 100)} %\n`
      const fields = Object.entries({ vendor, model, serial, firmware }).flatMap(([name, text]) =>
        text === undefined ? [] : [[`  ${name}`, text]],
      )
      return `${head}${table(fields)}${evidence.map((line) => `  - ${clean(line)}\n`).join('')}`
    })
  if (blocks.length === 0) blocks.push('a device answers, but nothing about it is known\n')
  if (rest.length > 0) blocks.push(`less likely: ${rest.join(', ')}\n`)
  return [...blocks, ...notes.map((note) => `${clean(note)}\n`)].join('\n')
}
