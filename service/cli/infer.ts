import type { ReadFunction, RegisterRange } from '#contract/workbench-registers.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { createInferrer, type Inference, type TypeCandidate } from '../commissioning/inference/infer.ts'
import { libraryPriors } from '../commissioning/inference/library-priors.ts'
import { type Observed, observed } from '../commissioning/inference/observed.ts'
import { createUnitWatch } from '../commissioning/values/watch-unit.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { loadSnapshot } from './diff.ts'
import { createLibrary } from './library.ts'
import { openBus } from './open-bus.ts'
import { mapFlags, parseBus, parseUnit, parseWhole, serviceUsage } from './options.ts'
import { functionOf, parseRange } from './snapshot.ts'
import { plural, shownNumber, table } from './table.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl infer --target ADDRESS --range A..B [--unit N] [--fc 3|4] [--readings N] [--every MS] [--json]
       r-emsctl infer SNAPSHOT ... [--address A] [--fc 3|4] [--json]

Ranks what registers may hold: type, word order, scale and quantity, with the reasons. Nothing is chosen for you. Values that
move tell more: read a range for a minute, or give several snapshots of one unit, oldest first. Only reads.
  --target ADDRESS  tcp://HOST[:PORT], rtutcp://HOST:PORT or rtu:///dev/PATH?baud=9600&parity=N&stopbits=1
  --unit N          unit ID; 1 without it
  --fc F            3 holding registers (default), 4 input registers
  --range A..B      addresses, zero-based as on the wire; more than once for several
  --readings N      reads everything so many times; 12 without it
  --every MS        from one reading to the next at least; 2000 without it
  --address A       only what begins at this register, with all candidates
  --maps FOLDER     own point maps, which count as well as those of the package
Exit code: 0 done, 3 nothing could be read.
${serviceUsage}`

export const infer: Command = {
  summary: 'what registers may hold: types, orders and scales with reasons',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      args,
      options: {
        ...mapFlags,
        target: { type: 'string' },
        unit: { type: 'string' },
        fc: { type: 'string' },
        range: { type: 'string', multiple: true },
        readings: { type: 'string' },
        every: { type: 'string' },
        address: { type: 'string' },
        json: { type: 'boolean' },
      },
      strict: true,
      allowPositionals: true,
    })
    const fn = functionOf(values.fc ?? '3')
    if (fn < 3) throw new UsageError('--fc: a coil or discrete input is one bit, without a type to find')
    if ((values.target === undefined) === (positionals.length === 0))
      throw new UsageError('give either --target, or snapshots')
    const address = values.address === undefined ? undefined : parseWhole(values.address, '--address', 0, 65_535)
    const registers =
      values.target === undefined
        ? await fromSnapshots(positionals, fn)
        : await fromDevice(terminal, {
            target: values.target,
            unitId: values.unit === undefined ? 1 : parseUnit(values.unit),
            ranges: (values.range ?? []).map((text) => parseRange(text, fn)),
            readings: parseWhole(values.readings ?? '12', '--readings', 1, 240),
            everyMs: parseWhole(values.every ?? '2000', '--every', 0, 3_600_000),
          })
    if (address !== undefined && registers.words(address) === undefined)
      throw new UsageError(`--address: register ${address} was not read`)
    const inferrer = createInferrer(registers, libraryPriors(createLibrary(values.maps).all().maps))
    const found = address === undefined ? inOrder(registers, inferrer.at) : [inferrer.at(address)]
    terminal.out(
      values.json
        ? `${JSON.stringify({ fn, values: found })}\n`
        : address === undefined
          ? list(found)
          : whole(found[0]!),
    )
    return exitCode.done
  },
}

async function fromSnapshots(files: readonly string[], fn: ReadFunction): Promise<Observed> {
  const snapshots = await Promise.all(files.map(loadSnapshot))
  const readings = snapshots.map(({ takenAtMs, tables }) => ({
    atMs: takenAtMs,
    words: new Map(
      Object.entries(tables.find((each) => each.fn === fn)?.words ?? {}).map(([key, word]) => [Number(key), word]),
    ),
  }))
  const registers = observed(readings)
  if (registers.addresses.length === 0)
    throw new UsageError('the snapshots have no registers of this function in common')
  return registers
}

async function fromDevice(
  { signal, ...terminal }: Terminal,
  wanted: { target: string; unitId: number; ranges: readonly RegisterRange[]; readings: number; everyMs: number },
): Promise<Observed> {
  const { target, unitId, ranges, readings, everyMs } = wanted
  if (ranges.length === 0) throw new UsageError('--range is missing')
  await using bus = await openBus(parseBus(target), { ...terminal, signal })
  const rounds: { atMs: number; words: Map<number, number> }[] = []
  const words = new Map<number, number>()
  const unit = createUnitWatch({
    bus,
    unitId,
    ranges,
    everyMs,
    clock: systemClock,
    signal,
    read(block, read) {
      for (let at = 0; at < block.count; at++) words.set(block.address + at, read[at] ?? 0)
    },
  })
  for (let round = 0; round < readings && !signal.aborted; round++) {
    if (round > 0) await systemClock.sleep(everyMs, signal).catch(() => undefined)
    await unit.run(1)
    if (words.size > 0) rounds.push({ atMs: systemClock.nowMs(), words: new Map(words) })
  }
  signal.throwIfAborted()
  const registers = observed(rounds)
  if (registers.addresses.length > 0) return registers
  const why = unit.problem ?? 'the unit refuses all of these registers'
  throw new CommandFailure(exitCode.noAnswer, `unit ${unitId} on ${bus.name}: ${why}`)
}

/** One value after the other: each begins where the likeliest one before it ends. */
function inOrder({ addresses }: Observed, at: (address: number) => Inference): Inference[] {
  const found: Inference[] = []
  let next = 0
  for (const address of addresses) {
    if (address < next) continue
    const inference = at(address)
    found.push(inference)
    next = address + (inference.candidates[0]?.words ?? 1)
  }
  return found
}

const orderOf = ({ words, wordOrder, type, byteOrder }: TypeCandidate): string =>
  type.startsWith('string')
    ? byteOrder === 'little'
      ? 'swapped'
      : ''
    : words === 1
      ? ''
      : wordOrder === 'big'
        ? 'ABCD'
        : 'CDAB'

function valueOf({ value, quantities: [best] }: TypeCandidate): string {
  if (typeof value === 'string') return JSON.stringify(value)
  return best ? `${shownNumber(best.value)} ${best.unit}`.trim() : shownNumber(value)
}

const percent = (score: number): string => `${Math.round(score * 100)} %`

function list(found: readonly Inference[]): string {
  const said = found.filter(({ candidates: [best] }) => best && best.value !== 0)
  const rows = said.flatMap(({ address, candidates: [best, second] }) =>
    best
      ? [
          [
            String(address),
            best.type,
            orderOf(best),
            valueOf(best),
            percent(best.score),
            second ? `or ${second.type} ${orderOf(second)}`.trim() : '',
            best.quantities[0] ? `${best.quantities[0].title} × ${best.quantities[0].scale}` : (best.reasons[0] ?? ''),
          ],
        ]
      : [],
  )
  const titles = ['address', 'type', 'order', 'reads', 'score', '', 'likeliest']
  const [first] = found
  const hidden = found.length - said.length
  const over = first ? `From ${plural(first.readings, 'reading')} over ${Math.round(first.overMs / 1000)} s; ` : ''
  return `${table([titles, ...rows], [0, 3, 4])}${over}${hidden} that read 0 are not shown. --address A gives the reasons.\n`
}

function whole({ address, candidates, partOf }: Inference): string {
  const lines = candidates.map(
    (candidate, index) =>
      `${index + 1}. ${candidate.type} ${orderOf(candidate)} ${percent(candidate.score)}: ${valueOf(candidate)}\n` +
      [
        ...candidate.reasons,
        ...(candidate.alsoFits.length > 0 ? [`reads the same as ${candidate.alsoFits.join(', ')}`] : []),
        ...candidate.quantities
          .slice(1)
          .map(
            ({ title, scale, value, unit, score }) =>
              `or ${title} × ${scale}: ${shownNumber(value)} ${unit} (${percent(score)})`,
          ),
      ]
        .map((reason) => `   - ${reason}\n`)
        .join(''),
  )
  const part = partOf
    ? `Rather part of ${partOf.type} ${orderOf(partOf)} at ${partOf.address} (${percent(partOf.score)}).\n`
    : ''
  return `Register ${address}:\n${part}${lines.join('')}`
}
