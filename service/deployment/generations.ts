import { dirname, join } from 'node:path'
import { siteFilePath } from '#contract/configuration.ts'
import { EdgeError } from '#contract/errors.ts'
import { hashSiteFiles, type SiteFiles } from '../configuration/site-files.ts'
import type { FileSystem } from './file-system.ts'
import { decodePointer, encodePointer, type PendingTrial, type Pointer, type Remembered } from './pointer.ts'
import { addConfirmed, beginTrial, confirmTrial, endTrial, type Facts, fallBack, firstPointer } from './trial.ts'

/** What holds this edge's generations, below the folder of its configuration. */
export const pointerFile = 'deployment.json'
/** The pointer as it was when a generation was last confirmed: read when the other one is damaged. */
const confirmedFile = 'deployment.confirmed.json'
const generationsFolder = 'generations'
/** Where the files that were written by hand go when the first deployment takes over. */
const setAsideFolder = 'before-deployment'

/** The folder of one generation. */
export const generationFolder = (root: string, number: number): string =>
  join(root, generationsFolder, String(number).padStart(6, '0'))

/**
 * The configurations of an edge. Every change is a new, immutable folder that is on the disk for good before the pointer names
 * it, so that after a cut at any moment the old or the new one runs, never a mixture.
 */
export interface Generations {
  /** Undefined as long as nothing was deployed: the folder runs as it was written by hand. */
  pointer(): Pointer | undefined
  /** Folder of the generation that runs from the next start on; the root without one. */
  folder(): string
  /** The files of a generation, whole and unchanged. Rejects with deployment.generation. */
  files(number: number): Promise<SiteFiles>
  /** Makes what was written by hand generation 1. Those files lie where they are until the next opening: they run. */
  capture(files: SiteFiles, facts: Omit<Facts, 'hash' | 'origin'>): Promise<void>
  /** Resolves to the number of the generation that runs on trial from the next start on. */
  begin(files: SiteFiles, facts: Omit<Facts, 'hash'>, trial: TrialFacts): Promise<number>
  confirm(by: string, atMs: number): Promise<void>
  /** Ends the trial: the former generation runs from the next start on. */
  giveUp(why: string, atMs: number): Promise<void>
  /** A generation made on the edge itself; resolves to its number. */
  add(files: SiteFiles, facts: Omit<Facts, 'hash'>): Promise<number>
  /** Moves files that were written into the root by hand out of the way: they are a generation now. */
  setAside(): Promise<void>
}

const nowhere = (): Promise<never> =>
  Promise.reject(new EdgeError('deployment.unavailable', 'nothing can be deployed here'))

/** Of a site that is part of the program. */
export const noGenerations: Generations = {
  pointer: () => undefined,
  files: nowhere,
  folder: () => '',
  capture: nowhere,
  begin: nowhere,
  confirm: nowhere,
  giveUp: nowhere,
  add: nowhere,
  setAside: nowhere,
}

type TrialFacts = Pick<PendingTrial, 'id' | 'by' | 'startedAtMs' | 'countdownS'>

/** What opening had to decide, in one sentence each. */
export interface OpenedGenerations {
  readonly generations: Generations
  /** A trial that was pending and is over now. */
  readonly returned?: Remembered
  /** What was damaged, and what runs instead. */
  readonly damage: readonly string[]
}

/**
 * Reads the state of an edge's configuration and brings it into order after whatever happened. `plannedTrial` is the trial that
 * this very process began and restarts for; any other pending one means that a service died during it, so it returns.
 * Rejects with deployment.store.
 */
export async function openGenerations(options: {
  root: string
  disk: FileSystem
  nowMs: number
  plannedTrial?: string
  /** Why any other one is over. */
  why?: string
}): Promise<OpenedGenerations> {
  const { root, disk, nowMs, plannedTrial, why = 'the service ended before the trial was confirmed' } = options
  const damage: string[] = []
  const numbered = (number: number): string => generationFolder(root, number)
  let pointer = await load()
  let busy: Promise<unknown> = Promise.resolve()
  let returned: Remembered | undefined

  async function load(): Promise<Pointer | undefined> {
    const main = await disk.read(join(root, pointerFile))
    const found = main && decodePointer(main)
    if (found) return found
    const other = await disk.read(join(root, confirmedFile))
    const older = other && decodePointer(other)
    if (older) {
      // Deployed before: a missing pointer is as bad as a damaged one.
      damage.push(
        `${pointerFile} is ${main ? 'damaged' : 'missing'}: the last confirmed generation ${older.active} runs`,
      )
      return older
    }
    if (!main && !other) return undefined
    throw new EdgeError(
      'deployment.store',
      `${join(root, pointerFile)} and ${confirmedFile} are damaged: it is not known which generation is the confirmed one`,
    )
  }

  /** Replaces a file so that a cut leaves the old or the new one. */
  async function replaceFile(name: string, bytes: Uint8Array): Promise<void> {
    const file = join(root, name)
    await disk.write(`${file}.new`, bytes)
    await disk.sync(`${file}.new`)
    await disk.rename(`${file}.new`, file)
    await disk.sync(root)
  }

  async function save(next: Pointer): Promise<void> {
    const bytes = encodePointer(next)
    await replaceFile(pointerFile, bytes)
    pointer = next
    if (!next.trial) await replaceFile(confirmedFile, bytes)
    await removeForgotten(next)
  }

  /** Folders that the pointer does not name: torn, or too old. */
  async function removeForgotten(known: Pointer | undefined): Promise<void> {
    const names = new Set(known?.generations.map(({ number }) => numbered(number)))
    for (const name of (await disk.list(join(root, generationsFolder))) ?? []) {
      const folder = join(root, generationsFolder, name)
      if (!names.has(folder) && folder !== inUse) await disk.remove(folder)
    }
  }

  async function writeFolder(number: number, files: SiteFiles, facts: Facts): Promise<void> {
    const folder = numbered(number)
    const about = `${JSON.stringify({ number, ...facts }, undefined, 2)}\n`
    await disk.remove(folder)
    const folders = new Set([folder, dirname(folder), root])
    for (const [path, text] of [...files, ['generation.json', about] as const]) {
      const file = join(folder, path)
      for (let above = dirname(file); above !== folder && above.startsWith(folder); above = dirname(above))
        folders.add(above)
      await disk.makeFolder(dirname(file))
      await disk.write(file, Buffer.from(text))
      await disk.sync(file)
    }
    // The deepest first: a name counts only once everything below it is there.
    for (const each of [...folders].toSorted((a, b) => b.length - a.length)) await disk.sync(each)
  }

  async function readFolder(number: number): Promise<SiteFiles> {
    const folder = numbered(number)
    const files = new Map<string, string>()
    const walk = async (below: string): Promise<void> => {
      for (const name of ((await disk.list(join(folder, below))) ?? []).toSorted()) {
        const path = below === '' ? name : `${below}/${name}`
        const bytes = siteFilePath.safeParse(path).success ? await disk.read(join(folder, path)) : undefined
        if (bytes) files.set(path, Buffer.from(bytes).toString('utf8'))
        else if (path.startsWith('pointmaps')) await walk(path)
      }
    }
    await walk('')
    return files
  }

  async function intact({ number, hash }: Remembered): Promise<SiteFiles | undefined> {
    const files = await readFolder(number)
    return hashSiteFiles(files) === hash ? files : undefined
  }

  /** What was written by hand must not be taken for a new edit once it is a generation. */
  async function setAside(): Promise<void> {
    const present = (await disk.list(root)) ?? []
    // The site file is the last: as long as it lies there, this is not done.
    const names = ['pointmaps', 'site.toml', 'site.yaml'].filter((name) => present.includes(name))
    if (names.length === 0) return
    const folder = join(root, setAsideFolder)
    await disk.makeFolder(folder)
    for (const name of names) {
      await disk.remove(join(folder, name))
      await disk.rename(join(root, name), join(folder, name))
    }
    await disk.sync(folder)
    await disk.sync(root)
  }

  /** The first start after the capture: what lies there is what was captured, unless it was edited since. */
  async function finishCapture(known: Pointer): Promise<void> {
    const first = known.generations.find(({ origin }) => origin === 'found')
    const done = (await disk.list(join(root, setAsideFolder)))?.some((name) => name.startsWith('site.'))
    if (!first || done) return
    const captured = await readFolder(first.number)
    for (const name of ['site.yaml', 'site.toml']) {
      const text = captured.get(name)
      const found = await disk.read(join(root, name))
      if (text !== undefined && found && sameText(found, text)) await setAside()
    }
  }

  let inUse: string | undefined
  if (pointer) {
    const { trial } = pointer
    if (trial && trial.id !== plannedTrial) {
      await end(endTrial(pointer, why, nowMs))
      returned = pointer.generations.find(({ number }) => number === trial.generation)
    }
    const active = pointer.generations.find(({ number }) => number === pointer?.active)
    if (active && !(await intact(active))) await replaceDamaged(active)
    await removeForgotten(pointer)
    await finishCapture(pointer)
    inUse = numbered(pointer.active)
  }

  async function replaceDamaged(active: Remembered): Promise<void> {
    const others = pointer!.generations.filter(
      ({ number, state }) => number !== active.number && (state === 'confirmed' || number === pointer!.confirmed),
    )
    for (const other of others.toReversed()) {
      if (!(await intact(other))) continue
      const why = `the files of generation ${active.number} are damaged: generation ${other.number} runs`
      damage.push(why)
      await save(fallBack(pointer!, other.number, why, nowMs))
      return
    }
    throw new EdgeError(
      'deployment.store',
      `the files of generation ${active.number} are damaged, and no older one is whole`,
    )
  }

  /** A full disk does not keep a trial from returning: it is written down with the next change. */
  async function end(next: Pointer): Promise<void> {
    try {
      await save(next)
    } catch (error) {
      damage.push(
        `the end of a trial could not be written down: ${error instanceof Error ? error.message : String(error)}`,
      )
      pointer = next
    }
  }

  /** One change at a time. */
  function serial<T>(change: () => Promise<T>): Promise<T> {
    const mine = busy.then(change).catch((error: unknown) => {
      const { code, message } = error as NodeJS.ErrnoException
      if (error instanceof EdgeError || typeof code !== 'string') throw error
      throw new EdgeError('deployment.store', `${root} cannot be written: ${message}`, { cause: error })
    })
    busy = mine.catch(() => undefined)
    return mine
  }

  const known = (): Pointer => {
    if (!pointer) throw new EdgeError('deployment.none', 'nothing was deployed to this edge yet')
    return pointer
  }

  const generations: Generations = {
    pointer: () => pointer,
    folder: () => (pointer ? numbered(pointer.active) : root),
    async files(number) {
      const found = pointer?.generations.find((each) => each.number === number)
      if (!found) throw new EdgeError('deployment.generation', `there is no generation ${number}`)
      const files = await intact(found)
      if (!files) throw new EdgeError('deployment.generation', `the files of generation ${number} are damaged`)
      return files
    },
    capture: (files, rest) =>
      serial(async () => {
        const facts: Facts = { ...rest, origin: 'found', hash: hashSiteFiles(files) }
        await writeFolder(1, files, facts)
        await save(firstPointer(facts))
      }),
    begin: (files, rest, trial) =>
      serial(async () => {
        const facts: Facts = { ...rest, hash: hashSiteFiles(files) }
        await writeFolder(known().next, files, facts)
        const next = beginTrial(known(), facts, trial)
        await save(next)
        return next.active
      }),
    confirm: (by, atMs) => serial(() => save(confirmTrial(known(), by, atMs))),
    giveUp: (why, atMs) => serial(() => save(endTrial(known(), why, atMs))),
    add: (files, rest) =>
      serial(async () => {
        const facts: Facts = { ...rest, hash: hashSiteFiles(files) }
        await writeFolder(known().next, files, facts)
        const next = addConfirmed(known(), facts)
        await save(next)
        return next.active
      }),
    setAside: () => serial(setAside),
  }
  return { generations, ...(returned && { returned }), damage }
}

/** As read from a file that a person may have written: with a BOM, or line ends of Windows. */
function sameText(bytes: Uint8Array, text: string): boolean {
  const normal = (value: string): string => value.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n')
  return normal(Buffer.from(bytes).toString('utf8')) === text
}
