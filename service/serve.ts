import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import type { Site } from '#contract/site.ts'
import type { LiveMessage } from '#contract/live.ts'
import { checkedPreset } from './access/console-token.ts'
import { announce } from './announce.ts'
import type { Carried } from './carried.ts'
import { createAudit } from './access/audit.ts'
import { createCaptureRecorder } from './capture/recorder.ts'
import { createApi } from './api/server.ts'
import type { Options } from './config.ts'
import type { SiteModel } from './domain/site-model.ts'
import type { ArmedBus } from './drivers/modbus/bus.ts'
import type { Entries } from './entries.ts'
import { createServiceBackup } from './service-backup.ts'
import { openLicensedSite } from './service-license.ts'
import type { ControlTarget } from '#contract/control.ts'
import { openKeyFolder } from './deployment/key-folder.ts'
import { folderLibrary, loadPointMap } from './pointmap/load.ts'
import { loadSunspecModels, type SunspecModels } from './pointmap/sunspec/models.ts'
import { type ApiSources, createApiSources } from './runtime/api-sources.ts'
import { createArmed } from './runtime/armed.ts'
import { createBusAccess } from './runtime/bus-access.ts'
import { loadConfirmedMaps } from './runtime/confirmed-maps.ts'
import { loadControlProperty } from './runtime/control-property.ts'
import { createControlSources } from './runtime/control-sources.ts'
import { createDeviceWatch } from './runtime/device-watch.ts'
import { createExplainer } from './runtime/explain.ts'
import { commandsOfSite } from './runtime/device-view.ts'
import { createGridWatch } from './runtime/grid-watch.ts'
import { openIdentity } from './runtime/identity.ts'
import { thisMachine } from './runtime/machine.ts'
import { createEdgeSources, openKnownEdges } from './runtime/known-edges.ts'
import { openSiteText } from './runtime/deployment/site-text.ts'
import { createStrictWatch } from './runtime/deployment/strict-watch.ts'
import { createLimitsEdit } from './runtime/limits-edit.ts'
import { createMapReload } from './runtime/map-reload.ts'
import { createPlausibilityWatch } from './runtime/plausibility.ts'
import { createRecorder } from './runtime/recorder.ts'
import { createServiceManager } from './runtime/service-manager.ts'
import { createSiteDevices, loadSiteMaps } from './runtime/site-devices.ts'
import { lockSite } from './runtime/site-lock.ts'
import { startSiteRuntime } from './runtime/site-runtime.ts'
import { cycleMsOf } from './runtime/site-topology.ts'
import { systemClock } from './runtime/system-clock.ts'
import { createVerificationEdit } from './runtime/verification-edit.ts'
import { createWishes } from './runtime/wishes.ts'
import type { WriteRecord } from './runtime/guard.ts'
import { openWriteBudget } from './runtime/write-budget.ts'
import { startPlant, watchPlant } from './start-plant.ts'
import { createServiceEvents } from './service-events.ts'
import { openServiceNetwork } from './service-network.ts'
import { openServiceAccess } from './service-access.ts'
import { openServiceDeployment } from './service-deployment.ts'
import { openServiceWorkbench } from './service-workbench.ts'
import { type StopKind, stopSignal } from './stop-signal.ts'
import { openStorage } from './storage/storage.ts'
import { version } from './version.ts'

/** Longest time that stopping may take before the process ends anyway, with the exit code that tells why. */
const stopWithin = { stop: { ms: 1_800, code: 1 }, restart: { ms: 10_000, code: 75 } } as const
const checkBackWithinMs = 600

/** Runs the edge service until it is told to stop, or to start anew. */
export async function serve(options: Options, entries: Entries, carried: Carried): Promise<StopKind> {
  const { site, demo, mode, desktop, dataFolder } = options
  if (options.presetToken !== undefined) checkedPreset(options.presetToken)
  using stop = stopSignal(desktop)
  const log = pino({ level: options.logLevel ?? (process.stderr.isTTY ? 'warn' : 'info') }, pino.destination(2))
  for (const note of options.migrated)
    log.warn({ file: options.siteFile }, `${note} (r-emsctl config migrate writes it down)`)
  const clock = systemClock
  // The site's own maps come before those that are shipped.
  // The site of the demo is part of the program, which is not written to.
  const mapFolders = [join(demo ? dataFolder : dirname(options.siteFile), 'pointmaps'), entries.mapFolder] as const
  const maps = loadSiteMaps(site, options.siteFile, mapFolders)
  await using resources = new AsyncDisposableStack()
  // Each simulated plant is a process of its own: only real devices can be fought over.
  const real = site.devices.some(({ connection }) => !connection.startsWith('demo://'))
  if (real)
    resources.use(
      await lockSite(
        options.configuration?.lock ?? options.siteFile,
        `process ${process.pid} with the data folder ${dataFolder}`,
      ),
    )

  // The plant starts while the storage opens.
  const spawning = startPlant(options, entries, resources, log)
  const storage = resources.use(await openStorage({ folder: dataFolder, workerUrl: entries.storageWorker, clock }))
  const opened = await openServiceAccess(options, { storage, carried, clock })
  const access = resources.use(opened.access)
  const siteHash = createHash('sha256')
    .update(options.empty ? '' : await readFile(options.siteFile))
    .digest('hex')
  storage.journal.append({
    kind: 'configuration',
    principal: 'service',
    detail: options.empty ? 'starts without a site' : `starts with ${options.siteFile}`,
    data: { sha256: siteHash },
  })
  const { identity, warning: identityWarning } = await openIdentity(dataFolder, await thisMachine())
  const control = await loadControlProperty(dataFolder, demo, identity)
  const budget = await openWriteBudget(dataFolder, clock.nowMs)
  const plant = spawning && resources.use(await spawning)

  const accountsSetAside = opened.setAside
  const events = createServiceEvents({ storage, log, clock, accountsSetAside, identityWarning })
  const { faults, add: addEvent } = events
  void watchPlant(plant, faults, stop.signal)

  const { semver, builtAtMs } = version()
  // Before the cycle starts, which must not wait for anything once it runs.
  const network = await openServiceNetwork(options, { storage, builtAtMs, clock, faults, resources })
  const buses = new Map<string, ArmedBus>()
  const sunspecFolder = join(entries.mapFolder, 'sunspec/models')
  const devices = createSiteDevices({
    buses,
    site,
    maps,
    sunspecFolder,
    plant,
    clock,
    resources,
  })
  const mapsInUse = () => devices.map(({ map }) => map)
  const { enabled, dryRun } = control.get()
  const confirmedMaps = await loadConfirmedMaps(dataFolder, mapsInUse, enabled && !dryRun)
  const mapReload = resources.use(
    createMapReload({
      folders: mapFolders,
      users: devices,
      load: (id) => loadPointMap(id, mapFolders),
      control: control.get,
      faults,
      used: ({ id, hash }) => void storage.journal.append({ kind: 'map', principal: 'file', detail: `${id} ${hash}` }),
    }),
  )
  const watchDevices = createDeviceWatch(devices, faults, (id) => runtime.writeAnew(id))
  const entryOf = new Map(devices.map((entry) => [entry.config.id, entry]))
  const watchGrid = createGridWatch({
    faults,
    clock,
    name: (id) => entryOf.get(id)?.config.name ?? id,
    silent: (id) => !['online', 'degraded'].includes(entryOf.get(id)?.device.link().state ?? ''),
  })
  const newSamples = createRecorder(devices.map(({ device }) => device))
  const armed = createArmed(clock)
  const explainer = createExplainer()
  const wishes = createWishes(clock, (ended) => wishEnded(ended))
  const wishEnded = ({ principal, ...target }: ControlTarget & { principal: string }): void => {
    storage.journal.append({ kind: 'wish', principal, ...target, outcome: 'ended' })
    const message = `the time of ${principal} is over: ${target.command} is automatic again`
    addEvent({ atMs: clock.nowMs(), severity: 'info', code: 'control.asked', message, deviceId: target.deviceId })
    sources.publishWishes()
  }
  const manager = resources.use(
    createServiceManager({
      environment: process.env,
      grids: site.grids.map(({ id }) => ({ id, cycleMs: cycleMsOf(site, id) })),
      clock,
    }),
  )
  const commands = commandsOfSite(devices)
  const shared = { options, identity, clock, faults, journal: storage.journal }
  const use = (acting: Site, model: SiteModel): void => {
    capture.useSite(acting)
    runtime.useModel(model)
  }
  const licensed = resources.use(await openLicensedSite({ ...shared, builtAtMs, addEvent, log, commands, use }))
  const { licensing, economics } = licensed
  const kept = demo ? 'session' : 'file'
  const { siteFile, empty } = options
  const generations = options.configuration?.generations
  const siteText = await openSiteText({ siteFile, empty, kept, generations, siteName: site.name, clock })
  const limitsEdit = createLimitsEdit({
    siteText,
    compile: economics.compile,
    unitOf: (id, command) => devices.find(({ config }) => config.id === id)?.map.map.commands?.[command]?.unit ?? '',
    journalDurable: (record) => storage.journal.appendDurable(record),
    use: economics.use,
  })
  const plausibility = createPlausibilityWatch({ entries: devices, clock, powerFlow: () => runtime.powerFlow() })
  const verificationEdit = createVerificationEdit({
    siteText,
    commands,
    entries: devices,
    nowMs: clock.nowMs,
    plausible: plausibility.agrees,
    journalDurable: (record) => storage.journal.appendDurable(record),
    use(changed) {
      economics.use(changed)
      runtime.useProofs(changed)
    },
  })
  const capture = resources.use(
    createCaptureRecorder({
      folder: join(dataFolder, 'capture'),
      site: economics.site(),
      commands,
      version: semver,
      clock,
      note: (message) => addEvent({ atMs: clock.nowMs(), severity: 'warning', code: 'capture.stopped', message }),
    }),
  )
  // Cycles begin before there is anybody to tell.
  let publishCycle: ApiSources['publishCycle'] = () => undefined
  const stamped = (record: WriteRecord) => ({ ...record, data: { ...record.data, epoch: identity.epoch } })
  const strict = createStrictWatch(commands)
  const lent = new Map<string, string>()
  const runtime = resources.use(
    startSiteRuntime({
      site,
      model: economics.compile(site),
      mode,
      desktop,
      entries: devices,
      clock,
      control: control.get,
      wishes: wishes.current,
      journal: (record) => void storage.journal.append(stamped(record)),
      journalDurable: (record) => storage.journal.appendDurable(stamped(record)),
      mapsConfirmed: confirmedMaps.obstacle,
      lentTo: (deviceId) => lent.get(deviceId),
      budget,
      faults,
      onOutputs: (gridId) => manager.cycleCompleted(gridId),
      onStep(gridId, input, result) {
        limitsEdit.observe(gridId, input, result)
        strict.observe(gridId, input, result)
        capture.add(gridId, input, result)
      },
      onCycle(snapshot) {
        watchDevices()
        watchGrid(snapshot.state)
        plausibility.observe()
        storage.addSamples(newSamples())
        storage.addExplanations(explainer.note(snapshot.state))
        storage.journal.flush()
        publishCycle(snapshot)
      },
    }),
  )
  licensing.onChange(economics.refresh)
  const forControl = createControlSources({
    clock,
    runtime,
    storage: { ...storage, addEvent },
    entries: devices,
    wishes,
    armed,
    explainer,
    capture,
    limitsEdit,
    verificationEdit,
    plausibility,
    epoch: identity.epoch,
    dataFolder,
    wishesChanged: () => sources.publishWishes(),
  })
  const sunspecModels = (): SunspecModels => loadSunspecModels(sunspecFolder)
  let refresh: (topic: string) => void = () => undefined
  let publish: (message: LiveMessage) => void = () => undefined
  const field = { clock, buses, entries: devices, control: control.get, sunspecModels }
  const { workbench, setup, checks, handover } = await openServiceWorkbench({
    options,
    entries,
    resources,
    clock,
    version: semver,
    identity,
    siteText,
    storage,
    log,
    devices,
    buses,
    commands,
    control: control.get,
    armed,
    lent,
    runtime,
    mapReload,
    mapFolders,
    sunspecFolder,
    sunspecModels,
    sources: () => sources.forApi,
    restart: stop.restart,
    changed: (topic) => refresh(topic),
    publish: (message) => publish(message),
  })
  const confirmMaps = async (): Promise<void> => {
    await mapReload.activate()
    await confirmedMaps.confirm()
  }
  const deployment = resources.use(
    await openServiceDeployment({
      options,
      carried,
      siteText,
      mapFolder: entries.mapFolder,
      edgeId: identity.edgeId,
      builtAtMs,
      clock,
      buses,
      entries: devices,
      sunspecModels,
      capture,
      runtime,
      strict,
      journal: storage.journal,
      faults,
      licenceNote: () => licensing.obstacle('economic-control'),
      confirmMaps,
      restart: stop.restart,
      changed: () => refresh('deployment'),
    }),
  )
  const sources = createApiSources({
    armed,
    forControl,
    site: { name: site.name, demo, mode },
    version: semver,
    clock,
    runtime,
    storage,
    faults,
    control,
    confirmMaps,
    deployment,
    bus: createBusAccess({ ...field, budget, guard: runtime.guard, loadMap: (id) => loadPointMap(id, mapFolders) }),
    licensing,
    backup: createServiceBackup({ ...shared, mapFolder: entries.mapFolder, restart: stop.restart }),
    workbench: workbench.forApi,
    setup,
    edges: createEdgeSources({
      edges: openKnownEdges(dataFolder, builtAtMs),
      clientName: `R-EMS on ${hostname().slice(0, 40)}`,
      clock,
      library: folderLibrary([entries.mapFolder]),
      keys: openKeyFolder(dataFolder),
      journal: (by, detail) => createAudit(storage.journal, clock).done(by, 'edge', detail),
    }),
    checks: checks.forApi,
    handover,
    endLeases: workbench.endLeases,
  })
  const api = resources.use(
    await createApi({
      host: '127.0.0.1',
      port: options.port,
      access,
      rendererFolder: entries.rendererFolder,
      version: semver,
      sources: sources.forApi,
      log,
      ...(network && { secure: network.endpoint }),
    }),
  )
  if (api.secure) network?.announce({ name: site.name, port: api.secure.port })
  sources.connect(api)
  publishCycle = sources.publishCycle
  refresh = api.refresh
  publish = api.publish
  events.connect((event) => api.publish({ type: 'event', data: event }))
  addEvent({
    atMs: clock.nowMs(),
    severity: 'info',
    code: 'service.started',
    message: `R-EMS ${semver} runs "${site.name}"`,
  })
  manager.ready()
  const caFingerprint = network?.ca.info().caFingerprint
  const what = {
    url: api.url,
    ...(api.secure && { secureUrl: api.secure.url }),
    ...(caFingerprint !== undefined && { caFingerprint }),
    ...((demo || desktop) && { signInCode: opened.consoleCode().code }),
    ...(opened.pairing && { pairing: opened.pairing }),
  }
  if (!carried.announced) announce(options, what)
  carried.announced = true
  carried.port = api.port
  if (api.secure) carried.securePort = api.secure.port

  const end = await stop.requested
  manager.stopping()
  const { ms, code } = stopWithin[end]
  const hard = setTimeout(() => process.exit(process.exitCode ?? code), ms).unref()
  // What a check has borrowed goes back before control lets go of the rest.
  await checks.stop('the service stops', checkBackWithinMs)
  await runtime.release('the service stops')
  addEvent({ atMs: clock.nowMs(), severity: 'info', code: 'service.stopped', message: 'the service stops' })
  await budget.stored()
  await resources.disposeAsync()
  clearTimeout(hard)
  return end
}
