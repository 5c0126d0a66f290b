import type { MapDocument, MapSaved, MapSummary, MapUser } from '#contract/map-editor.ts'
import { EdgeError } from '#contract/errors.ts'
import { mapId } from '#contract/site-device.ts'
import type { RegisterSnapshot } from '#contract/workbench-registers.ts'
import type { WorkbenchResult } from '#contract/workbench-results.ts'
import type { MapSources } from '../../../api/map-sources.ts'
import type { Clock } from '../../../domain/clock.ts'
import type { ReadOnlyBus } from '../../../drivers/modbus/bus.ts'
import { pointMapSchemaText } from '../../../pointmap/json-schema.ts'
import { listMaps, loadPointMap } from '../../../pointmap/load.ts'
import type { SunspecModels } from '../../../pointmap/sunspec/models.ts'
import type { SiteDeviceEntry } from '../../site-runtime.ts'
import { createLastRegisters } from './last-registers.ts'
import { createMapChecks } from './map-checks.ts'
import { createMapFiles, type MapTexts, revisionOf } from './map-files.ts'
import { headOf } from './map-head.ts'
import { proposeMap } from './map-proposal.ts'
import { valuesOf } from './map-values.ts'

export interface Maps extends Disposable {
  readonly forApi: MapSources
}

/** Maps of a site's own; more than that is a mistake. */
const mostOwn = 1000

/** Written as a name alone, or with who has verified it, when and how. */
const nameOf = (proof: string | { readonly name: string }): string => (typeof proof === 'string' ? proof : proof.name)

/** The maps of the site and of the library, for the person who edits them. */
export function openMaps(options: {
  clock: Clock
  /** Of the workbench. */
  folder: string
  /** The site's own maps. */
  ownFolder: string
  /** Where a configuration was deployed: its maps, which nobody changes in place. */
  deployedFolder?: string | undefined
  shippedFolder: string
  entries: readonly SiteDeviceEntry[]
  buses: ReadonlyMap<string, Pick<ReadOnlyBus, 'tap'>>
  sunspecModels(): SunspecModels
  /** Files of maps have changed: devices get what they may. */
  changed(): Promise<void>
  /** IDs of maps whose change waits for a confirmation. */
  staged(): ReadonlySet<string>
  result(job: string): Promise<WorkbenchResult | undefined>
  /** The newest one of a unit. */
  snapshot(bus: string, unitId: number): Promise<RegisterSnapshot | undefined>
  journal(by: string, detail: string): void
}): Maps {
  const { clock, entries, ownFolder, shippedFolder, staged } = options
  const files = createMapFiles(options)
  const registers = createLastRegisters(options)
  const checks = createMapChecks(options)
  /** The last change of each map: one at a time. */
  const changing = new Map<string, Promise<unknown>>()

  const usersOf = (id: string): MapUser[] =>
    entries
      .filter(({ map }) => map.id === id)
      .map(({ config, bus, device }) => ({
        device: config.id,
        name: config.name,
        bus,
        unitId: config.unitId,
        link: device.link().state,
        signs: (config.verified?.signs ?? []).map(nameOf),
        commands: (config.verified?.commands ?? []).map(nameOf),
      }))

  const deploys = options.deployedFolder !== undefined
  const isUndeployed = ({ own, shipped, deployed }: MapTexts): boolean =>
    deploys && own !== undefined && own !== (deployed ?? shipped)

  function summaryOf(id: string, texts: MapTexts): MapSummary {
    const text = files.current(texts) ?? ''
    const state = texts.own === undefined ? 'shipped' : texts.shipped === undefined ? 'own' : 'edited'
    const draft = texts.draft !== undefined
    return {
      id,
      ...headOf(text, id),
      state: draft && texts.own === undefined ? (texts.shipped === undefined ? 'own' : 'edited') : state,
      draft,
      staged: staged().has(id),
      undeployed: isUndeployed(texts),
      users: usersOf(id),
      // What came with R-EMS was checked before it was shipped.
      problem: text === texts.shipped ? null : (checks.firstProblem(id, text) ?? null),
    }
  }

  /** One that cannot be opened does not hide the others. */
  async function listed(id: string): Promise<MapSummary> {
    try {
      return summaryOf(id, await files.texts(id))
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error
      const nothing = { own: '', draft: undefined, shipped: undefined, deployed: undefined }
      return { ...summaryOf(id, nothing), problem: error.message.slice(0, 1000) }
    }
  }

  async function documentOf(id: string): Promise<MapDocument> {
    const texts = await files.texts(id)
    const text = files.current(texts)
    if (text === undefined) throw new EdgeError('workbench.unknown', `there is no point map "${id}"`)
    return { ...summaryOf(id, texts), text, revision: revisionOf(text), shipped: texts.shipped ?? null }
  }

  /** One after the other, so that of two people who save the second is told. */
  function alone<T>(id: string, change: () => Promise<T>): Promise<T> {
    const mine = (changing.get(id) ?? Promise.resolve()).then(change, change)
    changing.set(id, mine)
    return mine
  }

  async function assertBase(id: string, base: string): Promise<MapTexts> {
    const texts = await files.texts(id)
    if (revisionOf(files.current(texts)) === base) return texts
    throw new EdgeError('workbench.changed', `the map ${id} was changed meanwhile by somebody else`)
  }

  const keep = async (id: string, text: string | undefined): Promise<string | null> =>
    text === undefined ? null : files.keep(id, text, clock.nowMs())

  const useOf = (id: string): MapSaved['use'] =>
    usersOf(id).length === 0 ? 'no-device' : deploys || staged().has(id) ? 'staged' : 'in-use'

  const forApi: MapSources = {
    async list() {
      const drafts = await files.drafts()
      const deployed = options.deployedFolder === undefined ? [] : listMaps(options.deployedFolder)
      const ids = new Set([...listMaps(shippedFolder), ...listMaps(ownFolder), ...deployed, ...drafts])
      const all = [...ids].filter((id) => mapId.safeParse(id).success).toSorted()
      return { maps: await Promise.all(all.map(listed)) }
    },
    open: documentOf,
    save: (id, { text, base }, by) =>
      alone(id, async () => {
        const texts = await assertBase(id, base)
        if (texts.own === undefined && listMaps(ownFolder).length >= mostOwn)
          throw new EdgeError('workbench.full', `this site has ${mostOwn} maps of its own already`)
        const good = checks.firstProblem(id, text) === undefined
        // The own text may have been changed by hand while a draft of it was open.
        const replaced = [good ? texts.own : undefined, texts.draft].filter((one) => one !== text)
        let backup: string | null = null
        for (const one of replaced) backup = (await keep(id, one)) ?? backup
        if (good) await files.save(id, text)
        else await files.saveDraft(id, text)
        options.journal(by.name, `${good ? 'saves' : 'keeps a draft of'} the map ${id}, ${revisionOf(text)}`)
        if (good) await options.changed()
        return { revision: revisionOf(text), outcome: good ? 'saved' : 'draft', use: useOf(id), backup }
      }),
    remove: (id, base, by) =>
      alone(id, async () => {
        const texts = await assertBase(id, base)
        if (files.current(texts) === undefined)
          throw new EdgeError('workbench.unknown', `there is no point map "${id}"`)
        if (texts.shipped === undefined && usersOf(id).length > 0)
          throw new EdgeError('workbench.refused', `${usersOf(id)[0]?.name} is read by this map`)
        await keep(id, texts.own)
        const backup = await keep(id, texts.draft)
        await files.remove(id)
        options.journal(by.name, `removes the site's own text of the map ${id}`)
        await options.changed()
        return { revision: revisionOf(texts.shipped), outcome: 'saved', use: useOf(id), backup }
      }),
    async check({ id, text, device }) {
      const { shipped } = await files.texts(id)
      return checks.check({ id, text, shipped, entry: entries.find(({ config }) => config.id === device) })
    },
    async values(key, device) {
      const entry = entries.find(({ config }) => config.id === device)
      if (!entry) throw new EdgeError('device.unknown', `there is no device "${device}"`)
      const snapshot =
        entry.device.link().lastAnswerAtMs === undefined
          ? await options.snapshot(entry.bus, entry.config.unitId)
          : undefined
      return valuesOf({ map: checks.resolved(key, entry), entry, registers, snapshot, clock })
    },
    async propose(request) {
      const { origin } = request
      const job = origin.kind === 'job' ? await options.result(origin.job) : undefined
      const copy = origin.kind === 'copy' ? (await documentOf(origin.map)).text : undefined
      return proposeMap(request, {
        job,
        copy,
        point(map, name) {
          try {
            return loadPointMap(map, [ownFolder, shippedFolder]).map.points[name]
          } catch (error) {
            if (error instanceof EdgeError) return undefined
            throw error
          }
        },
      })
    },
    earlier: files.earlier,
    earlierText: files.earlierText,
    schemaText: pointMapSchemaText,
  }
  return { forApi, [Symbol.dispose]: () => registers[Symbol.dispose]() }
}
