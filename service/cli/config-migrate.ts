import { copyFile, rename, writeFile } from 'node:fs/promises'
import { EdgeError } from '#contract/errors.ts'
import { siteVersion } from '#contract/site.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { locateSite } from '../configuration/read-site-folder.ts'
import { readText } from '../configuration/read-text.ts'
import { configurationPlace } from '../configuration/root.ts'
import { parseSite } from '../configuration/site-document.ts'
import { problemsText } from '../domain/yaml-source.ts'
import { exitCode, type Terminal } from './terminal.ts'

/** Writes a site file in the newest format; comments stay, and so does the old file. */
export async function configMigrate(args: string[], { environment, out }: Terminal): Promise<number> {
  const { positionals } = parseCommandLine({ args, options: {}, strict: true, allowPositionals: true })
  if (positionals.length > 1) throw new UsageError('name one site')
  const { siteFile } = await locateSite(configurationPlace(positionals[0], environment).path)
  const parsed = parseSite(await readText(siteFile), siteFile)
  if (parsed.problems) throw new EdgeError('config.invalid', problemsText(parsed.problems))
  if (parsed.notes.length === 0) {
    out(`${siteFile} has the newest format already, version ${siteVersion}\n`)
    return exitCode.done
  }
  const backup = `${siteFile}.v${parsed.fromVersion}.bak`
  await copyFile(siteFile, backup)
  await writeFile(`${siteFile}.new`, parsed.text, { flush: true })
  await rename(`${siteFile}.new`, siteFile)
  for (const note of parsed.notes) out(`${note}\n`)
  out(`${siteFile} is written as version ${siteVersion}; the old file is ${backup}\n`)
  return exitCode.done
}
