import type { MapChange, MapChecked, ReadPlan } from '#contract/map-editor.ts'
import { EdgeError } from '#contract/errors.ts'
import { parseBusAddress } from '../../../drivers/modbus/address.ts'
import type { LoadBase } from '../../../pointmap/load.ts'
import { checkPointMap, mapFileIn } from '../../../pointmap/load.ts'
import { checkMapText, type CheckedText } from '../../../pointmap/map-check.ts'
import { differenceOf } from '../../../pointmap/map-difference.ts'
import type { SerialFormat } from '../../../pointmap/plan.ts'
import { planMap } from '../../../pointmap/read-plan.ts'
import { needsSunspecWalk, resolveMap } from '../../../pointmap/resolve.ts'
import type { SunspecModels } from '../../../pointmap/sunspec/models.ts'
import type { LoadedMap, ResolvedMap } from '../../../pointmap/types.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import { revisionOf } from './map-files.ts'

/** What is known about texts of maps, without reading a device. */
export interface MapChecks {
  check(request: {
    readonly id: string
    readonly text: string
    readonly shipped: string | undefined
    readonly entry: SiteDeviceEntry | undefined
  }): MapChecked
  /** The first thing that is wrong, in one sentence. */
  firstProblem(id: string, text: string): string | undefined
  /** A text that was checked, with the addresses that it has on a device. Throws workbench.unknown. */
  resolved(key: string, entry: SiteDeviceEntry): ResolvedMap
}

/** Texts whose values may be asked for; as many people may edit at once. */
const mostChecked = 16
const mostChanges = 500
const mostShown = 300
/** What a device is taken to need before it answers, as `r-emsctl map plan` does. */
const turnaroundMs = 10

export function createMapChecks(options: {
  ownFolder: string
  shippedFolder: string
  sunspecModels(): SunspecModels
}): MapChecks {
  const folders = [options.ownFolder, options.shippedFolder]
  const load: LoadBase = (id) => mapFileIn(id, folders)
  const texts = new Map<string, LoadedMap>()
  const bound = new WeakMap<LoadedMap, { readonly layout: unknown; readonly map: ResolvedMap }>()
  const problems = new Map<string, string | undefined>()
  let models: SunspecModels | undefined
  const sunspec = (): SunspecModels => (models ??= options.sunspecModels())

  function remember(loaded: LoadedMap): string {
    const key = revisionOf(`${loaded.id} ${loaded.hash}`)
    texts.delete(key)
    texts.set(key, loaded)
    if (texts.size > mostChecked) texts.delete(texts.keys().next().value ?? '')
    return key
  }

  function changesOf(now: CheckedText, id: string, shipped: string): MapChange[] | null {
    const before = checkPointMap(shipped, `${id}.yaml`, load).loaded
    if (!before || !now.loaded) return null
    return differenceOf(before.map, now.loaded.map).map(({ kind, path, before: old, after }): MapChange => ({
      kind,
      path: path
        .slice(path.length > 1 && ['points', 'derived', 'commands'].includes(path[0] ?? '') ? 1 : 0)
        .join('.')
        .slice(0, 500),
      ...(old !== undefined && { before: old.slice(0, mostShown) }),
      ...(after !== undefined && { after: after.slice(0, mostShown) }),
      line: now.lineOf(path) ?? now.lineOf(path.slice(0, 2)),
    }))
  }

  return {
    check({ id, text, shipped, entry }) {
      const checked = checkMapText(id, text, load)
      const { loaded, points } = checked
      const changes = shipped === undefined ? null : changesOf(checked, id, shipped)
      return {
        key: loaded ? remember(loaded) : null,
        problems: [...checked.problems],
        points: points.slice(0, 5000),
        plan: loaded ? planOf(loaded, entry, checked, sunspec) : null,
        changes: changes && changes.slice(0, mostChanges),
        changesLeftOut: Math.max(0, (changes?.length ?? 0) - mostChanges),
      }
    },
    firstProblem(id, text) {
      const key = revisionOf(`${id} ${text}`)
      // A map that extends another one is as good as that one is now.
      if (!problems.has(key) || /^extends:/m.test(text)) {
        const [first] = checkPointMap(text, `${id}.yaml`, load).problems ?? []
        if (problems.size > 200) problems.clear()
        problems.set(key, first && `line ${first.line}: ${first.message}`.slice(0, 1000))
      }
      return problems.get(key)
    },
    resolved(key, entry) {
      const loaded = texts.get(key)
      if (!loaded) throw new EdgeError('workbench.unknown', 'this text was not checked lately')
      const layout = entry.device.bound()?.layout
      let kept = bound.get(loaded)
      if (!kept || kept.layout !== layout) {
        const map = needsSunspecWalk(loaded) ? resolveMap(loaded, layout, sunspec()) : resolveMap(loaded)
        bound.set(loaded, (kept = { layout, map }))
      }
      return kept.map
    },
  }
}

function planOf(
  loaded: LoadedMap,
  entry: SiteDeviceEntry | undefined,
  { lineOf }: CheckedText,
  models: () => SunspecModels,
): ReadPlan {
  const line = lineFor(loaded, entry)
  const layout = entry?.device.bound()?.layout
  const plan = planMap(loaded, { ...(line && { line }), models, ...(layout && { layout }) })
  const { pollMs } = plan.resolved
  const fastMs = pollMs.fast ?? entry?.device.pollGroups().find(({ name }) => name === 'fast')?.everyMs
  const every = { fast: fastMs ?? null, normal: pollMs.normal, slow: pollMs.slow, once: null }
  return {
    line: line ? { baud: line.baud, format: line.format, turnaroundMs } : null,
    reads: plan.reads.slice(0, 2000).map(({ group, function: fn, address, count, used, ms, points }) => {
      const lines = points.flatMap(({ name }) => lineOf(['points', name]) ?? [])
      return {
        group,
        everyMs: every[group],
        function: fn,
        address,
        count,
        used,
        idealMs: ms ?? null,
        points: points.map(({ name }) => name),
        line: lines.length === 0 ? null : Math.min(...lines),
      }
    }),
    groups: plan.groups.map(({ group, requests, idealRequests }) => ({
      group,
      requests,
      leastRequests: idealRequests,
    })),
  }
}

/** The serial line of the device, or the one that the map names where it knows no other. */
function lineFor({ map }: LoadedMap, entry: SiteDeviceEntry | undefined): SerialFormat | undefined {
  if (!entry) {
    const { rtu, tcp } = map.connection ?? {}
    return rtu && !tcp ? { ...rtu, turnaroundMs } : undefined
  }
  const address = parseBusAddress(entry.bus)
  if (address.kind !== 'rtu') return undefined
  const format = `8${address.parity.charAt(0).toUpperCase()}${address.stopBits}`
  return { baud: address.baud, format, turnaroundMs }
}
