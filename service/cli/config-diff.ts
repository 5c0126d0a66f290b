import { join } from 'node:path'
import type { SiteChange } from '#contract/configuration.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { type CheckedSite, checkSiteFiles } from '../configuration/check-site.ts'
import { diffSites } from '../configuration/diff-sites.ts'
import { locateSite, readSiteFolder } from '../configuration/read-site-folder.ts'
import { entries } from '../entries.ts'
import { folderLibrary } from '../pointmap/load.ts'
import { activeSite } from './active-site.ts'
import { clean, plural } from './table.ts'
import { exitCode, type Terminal } from './terminal.ts'

const marks: Readonly<Record<SiteChange['kind'], string>> = { added: '+', removed: '-', changed: '~', moved: '>' }

/** Says in words what the second of two sites does differently. */
export async function configDiff(args: string[], { out }: Terminal): Promise<number> {
  const { values, positionals } = parseCommandLine({
    args,
    options: { json: { type: 'boolean' } },
    strict: true,
    allowPositionals: true,
  })
  const [before, after, ...more] = positionals
  if (before === undefined || after === undefined || more.length > 0) throw new UsageError('name two sites')
  const changes = diffSites(await readChecked(before), await readChecked(after))
  if (values.json) {
    out(`${JSON.stringify({ changes })}\n`)
    return exitCode.done
  }
  for (const { kind, looser, text, id } of changes)
    out(`${looser ? '!' : ' '} ${marks[kind]} ${clean(text)}${looser ? `  [${clean(id)}]` : ''}\n`)
  const looser = changes.filter((change) => change.looser).length
  const warning = looser > 0 ? `; ! ${looser} of them ${looser === 1 ? 'allows' : 'allow'} more than before` : ''
  out(changes.length === 0 ? 'no difference\n' : `${plural(changes.length, 'change')}${warning}\n`)
  return exitCode.done
}

/** A site with its maps, its own before those of the package. Throws config.* and map.* errors with the path as it was given. */
async function readChecked(named: string): Promise<CheckedSite> {
  const path = await activeSite(named)
  const { folder, siteFile } = await locateSite(path)
  const show = (file: string): string => (file.startsWith('site.') ? siteFile : join(folder, file))
  return checkSiteFiles(await readSiteFolder(path), folderLibrary([entries.mapFolder]), show)
}
