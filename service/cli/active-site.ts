import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import { generationFolder, pointerFile } from '../deployment/generations.ts'
import { decodePointer } from '../deployment/pointer.ts'

/**
 * The site that a configuration stands for: in the folder of an edge that was deployed to, the generation that runs, else the path
 * itself. Nothing is changed. Rejects with config.invalid when the edge's record is damaged.
 */
export async function activeSite(path: string): Promise<string> {
  const file = join(path, pointerFile)
  if (!(await stat(file).catch(() => undefined))?.isFile()) return path
  const pointer = decodePointer(await readFile(file))
  if (!pointer)
    throw new EdgeError(
      'config.invalid',
      `${file} is damaged; start the service, which finds the newest whole generation`,
    )
  return generationFolder(path, pointer.active)
}
