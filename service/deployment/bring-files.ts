import { candidateFiles, type DeployKeys, deployKeys, deploymentStatus } from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import { type CheckedSite, completeSiteFiles } from '../configuration/check-site.ts'
import { type SiteFiles, siteFilesFrom } from '../configuration/site-files.ts'
import { makeBundle } from './bundle.ts'
import type { OwnKey } from './keys.ts'

/** What the edge answers to a question about its deployment, whatever its status. */
export interface EdgeAnswered {
  readonly status: number
  readonly body: unknown
}
export interface EdgeQuestion {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Behind /api/v1/deployment; empty for that itself. */
  readonly path: string
  readonly body?: unknown
}
export type AskEdge = (question: EdgeQuestion) => Promise<EdgeAnswered>

const beforeMs = 10 * 60_000
const validMs = 24 * 3_600_000

/**
 * Signs the files of a candidate with the key of this machine and hands them to an edge, which gets to know the key if need be.
 * Resolves to what the edge answers, be it a refusal. Rejects with config.* or api.invalid when the files are no configuration.
 */
export async function bringFiles(
  ask: AskEdge,
  body: unknown,
  options: {
    check(files: SiteFiles): CheckedSite
    key(): Promise<OwnKey>
    /** Who brings them, and from where: stands in the history of the edge. */
    by: string
    owner: string
    nowMs: number
  },
): Promise<EdgeAnswered> {
  const { check, key, by, owner, nowMs } = options
  const request = candidateFiles.safeParse(body)
  if (!request.success) throw new EdgeError('api.invalid', 'expected prevHash, why and files')
  const { files, prevHash, why } = request.data
  const checked = check(siteFilesFrom(files))
  const answered = await ask({ method: 'GET', path: '' })
  const status = deploymentStatus.safeParse(answered.body)
  if (!status.success) return answered
  const own = await key()
  const manifest = {
    edgeId: status.data.edgeId,
    siteName: checked.site.name,
    version: status.data.nextVersion,
    prevHash,
    notBeforeMs: nowMs - beforeMs,
    notAfterMs: nowMs + validMs,
    by,
    why,
  }
  const signed = makeBundle(manifest, completeSiteFiles(checked), own)
  const known = await ask({ method: 'GET', path: 'keys' })
  const keys = deployKeys.safeParse(known.body)
  if (!keys.success) return known
  if (!knows(keys.data, own.keyId)) {
    const enrolled = await ask({ method: 'POST', path: 'keys', body: { publicKey: own.publicKey, owner } })
    if (enrolled.status >= 300) return enrolled
  }
  return ask({ method: 'POST', path: 'candidate', body: signed })
}

const knows = ({ keys }: DeployKeys, keyId: string): boolean => keys.some(({ id }) => id === keyId)
