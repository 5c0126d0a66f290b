import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Fault } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import { checkSiteFiles, completeSiteFiles } from './configuration/check-site.ts'
import { readSiteFolder } from './configuration/read-site-folder.ts'
import { hashSiteFiles } from './configuration/site-files.ts'
import { nodeFileSystem } from './deployment/file-system.ts'
import { type Generations, openGenerations, pointerFile } from './deployment/generations.ts'
import { folderLibrary } from './pointmap/load.ts'

/** Where the configuration of this service is, and what of it runs. */
export interface OpenedConfiguration {
  /** Folder that is named on the command line, or that of the file: what belongs to the site lies here. */
  readonly root: string
  /** The site file that runs: in the root, or in the folder of a generation. There may be none yet in a folder. */
  readonly siteFile: string
  readonly generations: Generations
  /** What stands for this site when two services are kept from running it at once. */
  readonly lock: string
  /** Why nothing can be deployed here. */
  readonly unavailable: string | undefined
  /** What a person has to know about how this start went. */
  readonly faults: readonly (Omit<Fault, 'sinceMs'> & { readonly key: string })[]
}

/**
 * Finds what is to run: the active generation where something was deployed, else the files as they lie there. A trial that this
 * process did not begin has ended with the service that did.
 */
export async function openConfiguration(options: {
  /** Folder, or site file. */
  path: string
  /** The maps that are shipped. */
  mapFolder: string
  nowMs: number
  plannedTrial?: string
  /** Why a trial could not go on in this process. */
  why?: string
}): Promise<OpenedConfiguration> {
  const { path, mapFolder, nowMs, plannedTrial, why } = options
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
  const root = isFolder ? path : dirname(path)
  const { generations, returned, damage } = await openGenerations({
    root,
    disk: nodeFileSystem,
    nowMs,
    ...(plannedTrial !== undefined && { plannedTrial }),
    ...(why !== undefined && { why }),
  })
  const faults: OpenedConfiguration['faults'][number][] = damage.map((message, at) => ({
    key: `deployment.damage ${at}`,
    code: 'deployment.store',
    severity: 'error',
    message,
    action: 'See the history of deployments, check the disk, and deploy again.',
  }))
  if (returned)
    faults.push({
      key: 'deployment.returned',
      code: 'deployment.returned',
      severity: 'warning',
      message: `generation ${returned.number} was not confirmed and has returned: ${returned.returnedWhy ?? ''}`,
      action: 'Find out why the service ended, then deploy again.',
    })
  if (generations.pointer() && plannedTrial === undefined)
    faults.push(...(await adopt(root, generations, mapFolder, nowMs)))
  if (!generations.pointer()) {
    const name = basename(path)
    const proper = isFolder || name === 'site.yaml' || name === 'site.toml'
    const unavailable = proper
      ? undefined
      : `${name} does not have a folder of its own: call it site.yaml in one, and start with --config FOLDER`
    const siteFile = isFolder ? await siteFileIn(root) : path
    return { root, siteFile, generations, lock: siteFile, unavailable, faults }
  }
  const siteFile = await siteFileIn(generations.folder())
  return { root, siteFile, generations, lock: join(root, pointerFile), unavailable: undefined, faults }
}

/** The site file of a folder, or where it would be. */
async function siteFileIn(folder: string): Promise<string> {
  const toml = join(folder, 'site.toml')
  const yaml = join(folder, 'site.yaml')
  return (await exists(toml)) && !(await exists(yaml)) ? toml : yaml
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )

/** A site file that somebody has put into the root of a deployed edge is a new, edge-local generation, if it is one at all. */
async function adopt(
  root: string,
  generations: Generations,
  mapFolder: string,
  nowMs: number,
): Promise<OpenedConfiguration['faults']> {
  const name = (await exists(join(root, 'site.yaml'))) ? 'site.yaml' : 'site.toml'
  if (!(await exists(join(root, name)))) return []
  try {
    const library = folderLibrary([join(generations.folder(), 'pointmaps'), mapFolder])
    const checked = checkSiteFiles(await readSiteFolder(root), library, (path) => join(root, path))
    const files = completeSiteFiles(checked)
    const active = generations.pointer()?.generations.find(({ number }) => number === generations.pointer()?.active)
    if (active?.hash !== hashSiteFiles(files))
      await generations.add(files, {
        origin: 'local',
        siteName: checked.site.name,
        by: 'a file',
        why: `${name} was put into the folder of the configuration`,
        atMs: nowMs,
      })
    await generations.setAside()
    return []
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error
    return [
      {
        key: 'deployment.adopt',
        code: error.code,
        severity: 'error',
        message: `${name} in the folder of the configuration is not used, the last generation runs: ${error.message}`,
        action: 'Correct the file and start the service again, or take it away.',
      },
    ]
  }
}
