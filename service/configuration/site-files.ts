import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { siteFilePath, type SiteFileTexts, siteFolderBounds } from '#contract/configuration.ts'
import { EdgeError } from '#contract/errors.ts'
import { findSecret } from './secrets.ts'

/** The files of a site: path relative to its folder, with `/`, and text as UTF-8 without BOM and with LF. */
export type SiteFiles = ReadonlyMap<string, string>

/** Name of the site file among the files. Throws config.not-found when there is none and config.invalid when there are two. */
export function siteFileOf(files: SiteFiles): 'site.yaml' | 'site.toml' {
  const yaml = files.has('site.yaml')
  const toml = files.has('site.toml')
  if (yaml && toml)
    throw new EdgeError('config.invalid', 'there are both site.yaml and site.toml; keep one and move the other away')
  if (yaml) return 'site.yaml'
  if (toml) return 'site.toml'
  throw new EdgeError('config.not-found', 'there is neither site.yaml nor site.toml')
}

/** Checks names, bounds, and that no secret is among them. Throws config.invalid with the place and the cure. */
export function siteFilesFrom(texts: SiteFileTexts | Iterable<readonly [string, string]>): SiteFiles {
  const entries = Symbol.iterator in texts ? [...texts] : Object.entries(texts)
  const refuse = (message: string): never => {
    throw new EdgeError('config.invalid', message)
  }
  if (entries.length > siteFolderBounds.files)
    refuse(`there are ${entries.length} files; a site has at most ${siteFolderBounds.files}`)
  let total = 0
  for (const [path, text] of entries) {
    if (!siteFilePath.safeParse(path).success)
      refuse(`${path} does not belong to a site: only site.yaml, site.toml and pointmaps/MAKER/MODEL.yaml do`)
    if (text.length > siteFolderBounds.fileLength)
      refuse(`${path} is larger than 1 MB; a file of a site is far smaller`)
    total += text.length
    const secret = findSecret(text)
    if (secret) refuse(`${path}:${secret.line}: ${secret.message}`)
  }
  if (total > siteFolderBounds.totalLength) refuse('the files of the site are larger than 16 MB together')
  const files: SiteFiles = new Map(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  siteFileOf(files)
  return files
}

/** The one text that stands for all files (RFC 8785): the same files give the same bytes, in whatever order they were read. */
export function formatSiteFiles(files: SiteFiles): string {
  return canonicalize(Object.fromEntries(files)) ?? ''
}

/** SHA-256 of `formatSiteFiles`, hex: the name of exactly this configuration. */
export function hashSiteFiles(files: SiteFiles): string {
  return createHash('sha256').update(formatSiteFiles(files)).digest('hex')
}
