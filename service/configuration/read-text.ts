import { readFile, stat } from 'node:fs/promises'
import { EdgeError } from '#contract/errors.ts'
import { siteFolderBounds } from '#contract/configuration.ts'

/** UTF-8 takes at most this many bytes for a character that counts as one. */
const mostBytes = siteFolderBounds.fileLength * 3

/** Text of a file's bytes: BOM gone, line ends LF. Throws config.invalid with the place and the cure. */
export function textOf(bytes: Uint8Array, place: string): string {
  const refuse = (message: string): never => {
    throw new EdgeError('config.invalid', `${place}:1:1: the file ${message}`)
  }
  if (bytes.length === 0) return refuse('is empty, as a copy is that was cut off; copy it again')
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return refuse('is written as UTF-16; save it as UTF-8')
  const zero = bytes.indexOf(0)
  if (zero >= 0)
    return refuse(
      bytes.every((byte) => byte === 0)
        ? 'holds nothing but zeros, as after a power cut or a copy that was cut off; copy it again'
        : `is no text (a zero byte at ${zero}), as a copy is that was cut off; copy it again`,
    )
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('is not UTF-8; save it as UTF-8')
  }
  const normal = text.replaceAll(/\r\n?/g, '\n')
  if (normal.trim() === '') return refuse('is empty, as a copy is that was cut off; copy it again')
  return normal
}

/** Reads a file of a configuration. Rejects with config.not-found or config.invalid. */
export async function readText(file: string, place = file): Promise<string> {
  let bytes: Buffer
  try {
    const found = await stat(file)
    if (!found.isFile()) throw new EdgeError('config.invalid', `${place} is not a file`)
    if (found.size > mostBytes)
      throw new EdgeError('config.invalid', `${place} is larger than 1 MB; is it the right file?`)
    bytes = await readFile(file)
  } catch (error) {
    if (error instanceof EdgeError) throw error
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown reason'})`
    throw new EdgeError('config.not-found', `${place} ${why}`, { cause: error })
  }
  return textOf(bytes, place)
}
