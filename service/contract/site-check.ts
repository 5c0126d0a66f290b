import type { z } from 'zod'
import type { Phase } from './metrics.ts'
import type { Condition, SiteDevice } from './site-device.ts'

/** The parts of a site that these rules look at; what the schema makes of the file has them all. */
interface CheckedCircuit {
  readonly id: string
  readonly name: string
  readonly fuseA?: number | undefined
  readonly maxImportW?: number | undefined
  readonly maxExportW?: number | undefined
  readonly maxUnbalanceA?: number | undefined
  readonly meter?: string | undefined
  readonly circuits?: readonly CheckedCircuit[] | undefined
}

interface CheckedSite {
  readonly timeZone: string
  readonly grids: readonly {
    readonly id: string
    readonly phases: readonly Phase[]
    readonly nominalVoltageV: number
    readonly island?: Condition | undefined
    readonly connection: CheckedCircuit
  }[]
  readonly ties: readonly {
    readonly id: string
    readonly between: readonly [string, string]
    readonly closed: Condition
  }[]
  readonly signals: readonly {
    readonly id: string
    readonly grid?: string | undefined
    readonly kind: string
    readonly active: Condition
    readonly limitW?: number | undefined
  }[]
  readonly devices: readonly SiteDevice[]
}

type Path = readonly (string | number)[]

interface Place {
  readonly circuit: CheckedCircuit
  readonly path: Path
  readonly grid: CheckedSite['grids'][number]
  readonly isConnection: boolean
}

/** Roles whose setpoints automatic control decides. */
const controlledRoles: ReadonlySet<string> = new Set(['battery', 'charger', 'load', 'pv'])

/**
 * Rules across the fields of a site. Each issue has the path of the entry to change and one sentence. What is accepted here can
 * be kept inside its limits, or falls back to declared values where a reading is missing (S5).
 */
export function checkSite(site: CheckedSite, context: z.core.$RefinementCtx): void {
  const say = (path: Path, message: string): void => {
    context.addIssue({ code: 'custom', path: [...path], message })
  }
  const places = placesOf(site)
  checkIds(site, places, say)
  const devices = new Map(site.devices.map((device) => [device.id, device]))
  const circuits = new Map(places.map((place) => [place.circuit.id, place]))
  const condition = (path: Path, { device }: Condition): void => {
    if (!devices.has(device)) say([...path, 'device'], `there is no device "${device}"`)
  }
  if (!isTimeZone(site.timeZone)) say(['timeZone'], `"${site.timeZone}" is not the name of a time zone`)
  for (const [at, grid] of site.grids.entries()) {
    if (grid.island) condition(['grids', at, 'island'], grid.island)
    if (new Set(grid.phases).size < grid.phases.length) say(['grids', at, 'phases'], 'a phase is named twice')
  }
  checkTies(site, condition, say)
  for (const [at, { grid, kind, active, limitW }] of site.signals.entries()) {
    condition(['signals', at, 'active'], active)
    if (grid !== undefined && !site.grids.some(({ id }) => id === grid))
      say(['signals', at, 'grid'], `there is no grid "${grid}"`)
    if ((kind === 'import' || kind === 'export') && limitW === undefined)
      say(['signals', at, 'limitW'], `a signal of the kind "${kind}" needs its limit`)
  }
  checkMeters(places, devices, say)
  for (const [at, device] of site.devices.entries()) {
    checkPlace(site, circuits, device, ['devices', at], condition, say)
    checkSettings(device, ['devices', at], say)
  }
  checkWriters(site.devices, say)
  checkMeasured(site, places, say)
}

type Say = (path: Path, message: string) => void
type CheckCondition = (path: Path, condition: Condition) => void

function placesOf(site: CheckedSite): readonly Place[] {
  const places: Place[] = []
  const add = (circuit: CheckedCircuit, path: Path, grid: Place['grid'], isConnection: boolean): void => {
    places.push({ circuit, path, grid, isConnection })
    for (const [at, child] of (circuit.circuits ?? []).entries()) add(child, [...path, 'circuits', at], grid, false)
  }
  for (const [at, grid] of site.grids.entries()) add(grid.connection, ['grids', at, 'connection'], grid, true)
  return places
}

function checkIds(site: CheckedSite, places: readonly Place[], say: Say): void {
  const unique = (kind: string, entries: readonly (readonly [string, Path])[]): void => {
    const seen = new Set<string>()
    for (const [id, path] of entries) {
      if (seen.has(id)) say([...path, 'id'], `the ${kind} "${id}" exists twice`)
      seen.add(id)
    }
  }
  const listed = (list: readonly { readonly id: string }[], key: string): (readonly [string, Path])[] =>
    list.map(({ id }, at) => [id, [key, at]] as const)
  unique('grid', listed(site.grids, 'grids'))
  unique('tie', listed(site.ties, 'ties'))
  unique('signal', listed(site.signals, 'signals'))
  unique('device', listed(site.devices, 'devices'))
  unique(
    'circuit',
    places.map(({ circuit, path }) => [circuit.id, path] as const),
  )
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

function checkTies(site: CheckedSite, condition: CheckCondition, say: Say): void {
  for (const [at, { between, closed }] of site.ties.entries()) {
    condition(['ties', at, 'closed'], closed)
    const ends = between.map((id) => site.grids.find((grid) => grid.id === id))
    for (const [end, grid] of ends.entries())
      if (!grid) say(['ties', at, 'between', end], `there is no grid "${between[end]}"`)
    if (between[0] === between[1]) say(['ties', at, 'between', 1], 'a tie is between two different grids')
    const [first, second] = ends
    if (first && second && first.nominalVoltageV !== second.nominalVoltageV)
      say(['ties', at, 'between'], 'grids of different voltage cannot be joined by a breaker')
  }
}

function checkMeters(places: readonly Place[], devices: ReadonlyMap<string, SiteDevice>, say: Say): void {
  const bound = new Map<string, string>()
  for (const { circuit, path, isConnection } of places) {
    if (circuit.meter === undefined) continue
    const role = isConnection ? 'grid-meter' : 'meter'
    const device = devices.get(circuit.meter)
    const at = [...path, 'meter']
    if (!device) say(at, `there is no device "${circuit.meter}"`)
    else if (device.role !== role) say(at, `"${device.id}" has the role ${device.role}; here it must be ${role}`)
    const other = bound.get(circuit.meter)
    if (other !== undefined) say(at, `"${circuit.meter}" already measures the circuit "${other}"`)
    bound.set(circuit.meter, circuit.id)
  }
}

/** Where a device hangs, and that each of its phases exists there. */
function checkPlace(
  site: CheckedSite,
  circuits: ReadonlyMap<string, Place>,
  device: SiteDevice,
  path: Path,
  condition: CheckCondition,
  say: Say,
): void {
  const { circuit } = device
  const at = [...path, 'circuit']
  const candidates: string[] = []
  if (circuit === undefined) {
    if (site.grids.length === 1) candidates.push(site.grids[0]!.connection.id)
    else if (controlledRoles.has(device.role))
      say(at, `"${device.id}" must say on which circuit it hangs, because the site has several grids`)
  } else if (typeof circuit === 'string') {
    candidates.push(circuit)
    if (!circuits.has(circuit)) say(at, `there is no circuit "${circuit}"`)
  } else {
    for (const [index, place] of circuit.entries()) {
      candidates.push(place.circuit)
      if (!circuits.has(place.circuit)) say([...at, index, 'circuit'], `there is no circuit "${place.circuit}"`)
      condition([...at, index, 'when'], place.when)
    }
  }
  for (const id of candidates) {
    const grid = circuits.get(id)?.grid
    const strange = grid && device.phases.find((phase) => !grid.phases.includes(phase))
    if (strange && controlledRoles.has(device.role))
      say([...path, 'phases'], `the grid "${grid.id}" has no phase ${strange.toUpperCase()}`)
  }
}

/** The settings of a role, their consistency, and none of another role. */
function checkSettings(device: SiteDevice, path: Path, say: Say): void {
  const { role, battery, charger, load, pv } = device
  for (const key of ['battery', 'charger', 'load', 'pv'] as const)
    if (device[key] && role !== key) say([...path, key], `a device of the role ${role} has no settings "${key}"`)
  if (role === 'battery' && !battery) say([...path, 'battery'], 'a battery needs its limits')
  if (role === 'load' && !load) say([...path, 'load'], 'a load needs its kind and its rated power')
  if (battery && battery.minSocPercent >= battery.maxSocPercent)
    say([...path, 'battery', 'maxSocPercent'], 'the battery must be charged further than its reserve')
  if (battery?.derating?.some((point, at, all) => at > 0 && point.temperatureC <= all[at - 1]!.temperatureC))
    say([...path, 'battery', 'derating'], 'the temperatures must rise')
  if (charger) {
    if (charger.maxCurrentA < charger.minCurrentA)
      say([...path, 'charger', 'maxCurrentA'], 'the highest current is below the lowest')
    if (charger.safeCurrentA > charger.maxCurrentA)
      say([...path, 'charger', 'safeCurrentA'], 'the safe current is above the highest')
    if (charger.switchesPhases && device.phases.length !== 3)
      say([...path, 'charger', 'switchesPhases'], 'only a charger with three phases can switch between one and three')
  }
  if (load) {
    if (load.minW > load.maxW) say([...path, 'load', 'minW'], 'the lowest power is above the rated power')
    if (load.safeW > load.maxW) say([...path, 'load', 'safeW'], 'the safe power is above the rated power')
  }
  if (pv?.curtailable && pv.ratedPowerW === undefined)
    say([...path, 'pv', 'ratedPowerW'], 'a plant that may be curtailed needs its rated power')
}

/** Two entries that would command the same unit fight each other (S9). */
function checkWriters(devices: readonly SiteDevice[], say: Say): void {
  const writers = new Map<string, string>()
  for (const [at, { id, role, connection, unitId, pv }] of devices.entries()) {
    if (!controlledRoles.has(role) || (role === 'pv' && !pv?.curtailable)) continue
    const unit = `${connection.toLowerCase()} unit ${unitId}`
    const other = writers.get(unit)
    if (other !== undefined)
      say(['devices', at, 'connection'], `"${other}" and "${id}" would both command ${connection} unit ${unitId}`)
    else writers.set(unit, id)
  }
}

/** A limit is worth nothing without something that measures it. */
function checkMeasured(site: CheckedSite, places: readonly Place[], say: Say): void {
  const hanging = new Map<string, number>()
  for (const { role, circuit } of site.devices) {
    if (!controlledRoles.has(role)) continue
    const ids =
      circuit === undefined
        ? [site.grids[0]!.connection.id]
        : typeof circuit === 'string'
          ? [circuit]
          : circuit.map((place) => place.circuit)
    for (const id of ids) hanging.set(id, (hanging.get(id) ?? 0) + 1)
  }
  const measured = (circuit: CheckedCircuit): boolean =>
    circuit.meter !== undefined ||
    (circuit.circuits?.length ? circuit.circuits.every((child) => measured(child)) : hanging.has(circuit.id))
  for (const { circuit, path, isConnection } of places) {
    const limit = limitName(circuit)
    if (limit === undefined || circuit.meter !== undefined) continue
    // A grid connection carries what nobody lists; only metered circuits below it can stand in for its meter.
    if (isConnection ? circuit.circuits?.length && measured(circuit) : measured(circuit)) continue
    say(
      [...path, 'meter'],
      `${limit} of "${circuit.name}" cannot be kept: it has no meter, and what hangs below it is not all measured`,
    )
  }
}

function limitName(circuit: CheckedCircuit): string | undefined {
  if (circuit.fuseA !== undefined) return 'the fuse'
  if (circuit.maxImportW !== undefined) return 'the import limit'
  if (circuit.maxExportW !== undefined) return 'the export limit'
  return circuit.maxUnbalanceA === undefined ? undefined : 'the unbalance limit'
}
