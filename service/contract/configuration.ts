import { z } from 'zod'
import { licenseSettings } from './license.ts'

/** Bounds of a site folder: far above what a site needs, far below what could harm an edge. */
export const siteFolderBounds = { files: 500, fileLength: 1_000_000, totalLength: 16_000_000 } as const

/** A file of a site, relative to its folder: `site.yaml` or `site.toml`, and the site's own point maps. */
export const siteFilePath = z
  .string()
  .max(200)
  .regex(
    /^(site\.(yaml|toml)|pointmaps\/([a-z0-9][a-z0-9._-]*\/){1,4}[a-z0-9][a-z0-9._-]*\.yaml)$/,
    'a file of a site is site.yaml, site.toml or pointmaps/MAKER/MODEL.yaml',
  )

/** All files of a site with their texts, as they cross a process: UTF-8 without BOM, line ends LF. */
export const siteFileTexts = z.record(siteFilePath, z.string().max(siteFolderBounds.fileLength))
export type SiteFileTexts = z.infer<typeof siteFileTexts>

/**
 * What a new configuration does differently. `id` names the same thing in every comparison, such as
 * `limit/circuit/main/fuseA` or `point/eastron/sdm630/powerW/address`: consent is given by it.
 */
export const siteChange = z.strictObject({
  id: z.string().max(300),
  kind: z.enum(['added', 'removed', 'changed', 'moved']),
  area: z.enum(['site', 'circuits', 'limits', 'signals', 'devices', 'points', 'control', 'economics']),
  /** What it belongs to, by its name on this site: a circuit, a device, a point map. */
  owner: z.string().max(200),
  /** What changed of it, in words; absent when the whole owner was added or removed. */
  what: z.string().max(200).optional(),
  /** With unit, as shown to a person. */
  before: z.string().max(400).optional(),
  after: z.string().max(400).optional(),
  /** New value divided by the old one, for scales and limits. */
  factor: z.number().optional(),
  /** Allows more than before: a person must consent by `id`. */
  looser: z.literal(true).optional(),
  /** One sentence in English with all of it. */
  text: z.string().max(1200),
})
export type SiteChange = z.infer<typeof siteChange>

/**
 * edge.yaml or edge.toml beside the site: settings of this installation. They stay on the edge and are in no bundle. A variable
 * R_EMS_* overrides the file, an option of the command line overrides both. Paths are relative to the folder of the file.
 */
export const edgeFile = z.strictObject({
  mode: z.enum(['production', 'simulation', 'hybrid']).optional().meta({ title: 'Mode' }),
  port: z.number().int().min(0).max(65_535).optional().meta({ title: 'Port on this machine' }),
  listen: z.string().max(60).optional().meta({ title: 'Address on the network, ADDRESS:PORT' }),
  tlsNames: z.array(z.string().max(253)).max(20).optional().meta({ title: 'More names for the certificate' }),
  clientCertificates: z.enum(['off', 'optional', 'required']).optional().meta({ title: 'Client certificates' }),
  dataFolder: z.string().min(1).max(500).optional().meta({ title: 'Data folder' }),
  /** Where the site is when it is not beside this file. */
  siteFolder: z.string().min(1).max(500).optional().meta({ title: 'Site folder' }),
  logLevel: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .optional()
    .meta({ title: 'Log level' }),
  license: licenseSettings.partial().optional().meta({ title: 'Licence' }),
})
export type EdgeFile = z.infer<typeof edgeFile>
