import type { BusRead, BusWrite, ManualWriteRequest, WantedWrite } from '#contract/bus.ts'
import { EdgeError } from '#contract/errors.ts'
import type { LedgerRecord, Wear, WritePreview, WritePreviewRequest } from '#contract/manual-write.ts'
import type { MapCommand } from '#contract/point-map.ts'
import type { Clock } from '../domain/clock.ts'
import type { Device } from '../drivers/driver.ts'
import type { ArmedBus, ArmedBusUnit } from '../drivers/modbus/bus.ts'
import { createModbusDevice } from '../drivers/modbus/device.ts'
import type { Answer } from '../drivers/modbus/pdu.ts'
import type { SunspecModels } from '../pointmap/sunspec/models.ts'
import { typeSpec } from '../pointmap/point-types.ts'
import type { LoadedMap } from '../pointmap/types.ts'
import { bindMap, commandAt, partOfMap } from './bind-map.ts'
import { commandsOf } from './device-view.ts'
import { type Guard, limitsOf, type ManualOutcome, type ManualWrite } from './guard.ts'
import { writeRegister } from './register-write.ts'
import type { SiteDeviceEntry } from './site-runtime.ts'
import type { WriteBudget } from './write-budget.ts'
import { readWritten, writtenWords } from './written-words.ts'

/** The buses that a program holds, for people: reads in the gaps that control leaves, writes through the guard. */
export interface BusAccess {
  /** Throws bus.unknown. What happens in the field is an answer. */
  read(request: BusRead): Promise<Answer>
  /** By somebody who is armed, or not. Throws bus.unknown, map.not-found or map.invalid. A refusal is an outcome. */
  write(request: BusWrite, armed: boolean): Promise<ManualOutcome>
  /** What a write would do; only reads. Throws bus.unknown, map.not-found, map.invalid, or write.refused for what has no bytes. */
  preview(request: WritePreviewRequest, armed: boolean): Promise<WritePreview>
}

/** A write with whether whoever asks is armed. */
type Request = Omit<BusWrite, 'write'> & { readonly write: { readonly value: number }; readonly armed: boolean }
type ManualCommand = Extract<WantedWrite, { kind: 'command' }>
type ManualRegister = Extract<ManualWriteRequest, { kind: 'register' }>

/** Readings of a device that is asked for one write only are fresh as long as it takes. */
const cycleMs = 1000

export function createBusAccess(options: {
  /** By canonical address. */
  buses: ReadonlyMap<string, ArmedBus>
  /** Devices that are polled on them. */
  entries: readonly SiteDeviceEntry[]
  guard: Pick<Guard, 'manual' | 'manualObstacle'>
  /** Counts what wears out; absent where nobody counts. */
  budget?: Pick<WriteBudget, 'spend' | 'spent'>
  loadMap(id: string): LoadedMap
  sunspecModels(): SunspecModels
  clock: Clock
}): BusAccess {
  const { buses, entries, guard, budget, loadMap, sunspecModels, clock } = options

  function busOf(name: string): ArmedBus {
    const bus = buses.get(name)
    if (!bus) throw new EdgeError('bus.unknown', `this service does not hold the bus ${name}`)
    return bus
  }

  const entryOf = (bus: string, unitId: number): SiteDeviceEntry | undefined =>
    entries.find((entry) => entry.bus === bus && entry.config.unitId === unitId)

  /** What is the same for every write to a unit. */
  function about({ bus, unitId, principal, write, armed }: Request): Omit<ManualWrite, 'action'> {
    const deviceId = entryOf(bus, unitId)?.config.id ?? `${bus} unit ${unitId}`
    const simulated = entries.some((entry) => entry.bus === bus && entry.simulated)
    return { principal, deviceId, simulated, armed, value: write.value }
  }

  const impossible = (request: Request, command: string, reason: string): Promise<ManualOutcome> =>
    guard.manual({ ...about(request), action: { kind: 'impossible', command, reason } })

  /** With the device that the site polls, or with one that is asked for this alone. */
  async function withDevice<T>(
    request: Request,
    map: LoadedMap,
    command: ManualCommand['command'],
    use: (device: Device) => Promise<T>,
  ): Promise<T> {
    const entry = entryOf(request.bus, request.unitId)
    if (entry) return use(entry.device)
    await using device = createModbusDevice({
      id: about(request).deviceId,
      unitId: request.unitId,
      map: partOfMap(map, [], [command]),
      sunspecModels: sunspecModels(),
      bus: busOf(request.bus),
      clock,
      cycleMs,
    })
    await device.poll()
    // Awaited here, before the device is disposed of.
    return await use(device)
  }

  const commandWrite = (
    request: Request,
    map: LoadedMap,
    { command }: ManualCommand,
    device: Device,
  ): Omit<ManualWrite, 'data'> => ({
    ...about(request),
    action: { kind: 'command', command, device, commands: commandsOf(map) },
  })

  async function writeCommand(request: Request, wanted: Extract<ManualWriteRequest, { kind: 'command' }>) {
    const map = entryOf(request.bus, request.unitId)?.map ?? loadMap(wanted.map)
    if (map.id !== wanted.map || map.hash !== wanted.mapHash)
      return impossible(request, wanted.command, otherMap(map, wanted.map))
    return withDevice(request, map, wanted.command, async (device) => {
      const command = commandsOf(map).get(wanted.command)
      const before = command && valueBefore(command, device)
      const data = dataOf(request, { unit: command?.unit ?? '', write: wanted, before })
      const outcome = await guard.manual({ ...commandWrite(request, map, wanted, device), data })
      if (command?.storage === 'non-volatile') count(outcome, wearKey(request, wanted.command))
      return outcome
    })
  }

  async function previewCommand(request: Request, wanted: ManualCommand): Promise<WritePreview> {
    const map = entryOf(request.bus, request.unitId)?.map ?? loadMap(wanted.map)
    const command = commandsOf(map).get(wanted.command)
    if (map.id !== wanted.map) throw new EdgeError('write.refused', otherMap(map, wanted.map))
    if (!command) throw new EdgeError('write.refused', `the map of this device declares no command ${wanted.command}`)
    return withDevice(request, map, wanted.command, async (device) => {
      const { frames } = device.encode({ command: wanted.command, value: wanted.value })
      const before = valueBefore(command, device)
      const obstacle = guard.manualObstacle(commandWrite(request, map, wanted, device))
      const { effect, readBack } = command
      const effectPoint = effect && map.map.points[effect.point]
      return {
        write: { ...wanted, mapHash: map.hash },
        title: command.title ?? wanted.command,
        unit: command.unit,
        frames: [...frames],
        ...(before !== undefined && { before }),
        registers: await registersOf(request, frames),
        ...limitsOf(command, device),
        wear: wearOf(wearKey(request, wanted.command), command.storage, command.dailyWrites),
        ...(readBack && { readBack: readBack.point }),
        ...(effect && {
          effect: { ...effect, title: effectPoint?.title ?? effect.point, unit: effectPoint?.unit ?? command.unit },
        }),
        ...(obstacle !== undefined && { obstacle }),
      }
    })
  }

  const wearKey = (request: Request, what: string): string => `${about(request).deviceId} ${what}`

  function wearOf(key: string, storage: Wear['storage'], dailyWrites?: number): Wear {
    return { storage, writesToday: budget?.spent(key) ?? 0, ...(dailyWrites !== undefined && { dailyWrites }) }
  }

  function count({ outcome, frames }: ManualOutcome, key: string): void {
    if (outcome !== 'refused' && frames.length > 0) budget?.spend(key)
  }

  const registersOf = (request: Request, frames: readonly string[]): Promise<WritePreview['registers']> =>
    readWritten(busOf(request.bus).unit(request.unitId), writtenWords(frames, request.bus.startsWith('tcp:') ? 7 : 1))

  async function declaredBy(request: Request, wanted: ManualRegister, unit: ArmedBusUnit): Promise<string | undefined> {
    const map =
      entryOf(request.bus, request.unitId)?.map ?? (wanted.map === undefined ? undefined : loadMap(wanted.map))
    if (!map) return undefined
    return commandAt(await bindMap(map, unit, sunspecModels()), wanted.address, typeSpec(wanted.type).words)
  }

  /** What a write of one register is, and why it cannot be prepared. */
  async function prepareRegister(request: Request, wanted: ManualRegister) {
    const unit = busOf(request.bus).unit(request.unitId)
    const prepared = writeRegister(unit, wanted)
    const { min, max, address, fn } = wanted
    const register = `holding ${address} (FC${fn === 6 ? '06' : '16'})`
    if ('problem' in prepared) return { register, problem: prepared.problem }
    const command = await declaredBy(request, wanted, unit)
    const write: Omit<ManualWrite, 'data'> = {
      ...about(request),
      action: {
        kind: 'register',
        register,
        min,
        max,
        ...(command !== undefined && { declaredBy: command }),
        ...prepared,
      },
    }
    return { register, prepared, write }
  }

  async function writeOneRegister(request: Request, wanted: ManualRegister): Promise<ManualOutcome> {
    const { register, prepared, write, problem } = await prepareRegister(request, wanted)
    if (problem !== undefined) return impossible(request, register, problem)
    // What is refused asks the device nothing.
    const before = guard.manualObstacle(write) === undefined ? await prepared.read() : undefined
    const outcome = await guard.manual({ ...write, data: dataOf(request, { unit: '', write: wanted, before }) })
    count(outcome, wearKey(request, register))
    return outcome
  }

  async function previewRegister(request: Request, wanted: ManualRegister): Promise<WritePreview> {
    const { register, prepared, write, problem } = await prepareRegister(request, wanted)
    if (problem !== undefined) throw new EdgeError('write.refused', problem)
    const frames = prepared.encode()
    const before = await prepared.read()
    const obstacle = guard.manualObstacle(write)
    return {
      write: wanted,
      title: register,
      unit: '',
      frames: [...frames],
      ...(before !== undefined && { before }),
      registers: await registersOf(request, frames),
      min: wanted.min,
      max: wanted.max,
      wear: wearOf(wearKey(request, register), 'unknown'),
      readBack: register,
      ...(obstacle !== undefined && { obstacle }),
    }
  }

  return {
    async read({ bus, unitId, request, probeMs }) {
      const how =
        probeMs === undefined ? ({ priority: 'background' } as const) : ({ priority: 'scan', probeMs } as const)
      return busOf(bus).unit(unitId).ask(request, how)
    },
    async write(request, armed) {
      busOf(request.bus)
      const { write } = request
      return write.kind === 'command'
        ? writeCommand({ ...request, armed }, write)
        : writeOneRegister({ ...request, armed: armed && write.armed }, write)
    },
    async preview({ bus, unitId, write }, armed) {
      busOf(bus)
      const request = { bus, unitId, write, principal: 'preview' }
      return write.kind === 'command'
        ? previewCommand({ ...request, armed }, write)
        : previewRegister({ ...request, armed: armed && write.armed }, write)
    },
  }
}

const otherMap = (map: LoadedMap, wanted: string): string =>
  `the service knows this device by ${map.id === wanted ? 'another version of ' : ''}the map ${map.id}`

/** The setpoint in force, where the device shows it. */
function valueBefore({ readBack }: MapCommand, device: Device): number | undefined {
  const reading = readBack && device.readings().get(readBack.point)
  return typeof reading?.value === 'number' && reading.quality === 'good' ? reading.value : undefined
}

/** For the ledger. */
function dataOf(
  { bus, unitId }: Request,
  { before, ...rest }: Pick<LedgerRecord, 'unit' | 'write'> & { readonly before: number | undefined },
): NonNullable<ManualWrite['data']> {
  const record: LedgerRecord = { bus, unitId, ...rest, ...(before !== undefined && { before }) }
  return { ledger: JSON.stringify(record) }
}
