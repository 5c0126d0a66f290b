import type { ArmedBus, ReadOnlyBus } from '../drivers/modbus/bus.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { bindMap, partOfMap } from '../runtime/bind-map.ts'
import type { Library } from './library.ts'
import { deviceOn, firstPoll, type ShownPoint, shownPoints } from './reading.ts'
import { failureOf } from './registers.ts'
import { CommandFailure, exitCode } from './terminal.ts'

/** What is there before and after a write. */
export interface Look {
  /** Those that the command names: read-back, effect, limits. */
  readonly points: Readonly<Record<string, Pick<ShownPoint, 'value' | 'unit'>>>
  /** Those that are written; null where the device does not let them be read. */
  readonly registers: readonly { readonly address: number; readonly raw: number | null }[]
}

type AnyBus = ReadOnlyBus | ArmedBus
export type LookBack = (bus: AnyBus, unitId: number, signal: AbortSignal) => Promise<Look>

/** Throws when the device does not answer at all. */
export function lookAtCommand(map: LoadedMap, command: string, library: Library): LookBack {
  const part = partOfMap(map, [], [command])
  const models = library.sunspecModels()
  return async (bus, unitId, signal) => {
    const unit = bus.unit(unitId, map.map.quirks)
    const bound = await bindMap(part, unit, models)
    const resolved = bound.commands.get(command)
    if (!resolved) {
      const reason = bound.missing.get(command) ?? 'it cannot be placed on this device'
      throw new CommandFailure(exitCode.refused, `${command}: ${reason}`)
    }
    await using device = deviceOn(bus, unitId, part, models)
    if (bound.points.length > 0) await firstPoll(device, signal)
    const spans = resolved.writes.map((write) => ({ address: write.address, count: typeSpec(write.type).words }))
    const registers = await readSpans(bus, unitId, spans, signal)
    const points = Object.entries(shownPoints(device)).map(
      ([name, { value, unit }]) => [name, { value, unit }] as const,
    )
    return { points: Object.fromEntries(points), registers }
  }
}

/** Throws when the device does not answer at all. */
export function lookAtRegisters(address: number, count: number): LookBack {
  return async (bus, unitId, signal) => ({
    points: {},
    registers: await readSpans(bus, unitId, [{ address, count }], signal),
  })
}

async function readSpans(
  bus: AnyBus,
  unitId: number,
  spans: readonly { readonly address: number; readonly count: number }[],
  signal: AbortSignal,
): Promise<{ address: number; raw: number | null }[]> {
  const registers: { address: number; raw: number | null }[] = []
  for (const { address, count } of spans) {
    const answer = await bus.unit(unitId).ask({ fn: 3, address, count }, { priority: 'write', signal })
    if (answer.kind === 'failed') throw failureOf(answer, `register ${address} of unit ${unitId} on ${bus.name}`)
    const words = answer.kind === 'words' ? answer.words : undefined
    for (let index = 0; index < count; index++)
      registers.push({ address: address + index, raw: words?.[index] ?? null })
  }
  return registers
}
