/** A file of a site folder, by its path in it. */
const wanted = /^(site\.(yaml|toml)|pointmaps\/.+\.yaml)$/
const mostFiles = 500
const mostBytes = 16_000_000

export type FolderProblem = 'noSite' | 'tooMany' | 'tooLarge'

/** The files of a site folder that a person has chosen; whatever else is in it stays where it is. */
export async function readFolder(
  chosen: Iterable<File>,
): Promise<{ readonly files: Record<string, string> } | { readonly problem: FolderProblem }> {
  const found: [path: string, file: File][] = []
  let bytes = 0
  for (const file of chosen) {
    // The first part is the name of the folder itself.
    const path = file.webkitRelativePath.split('/').slice(1).join('/')
    if (!wanted.test(path)) continue
    bytes += file.size
    found.push([path, file])
    if (found.length > mostFiles) return { problem: 'tooMany' }
    if (bytes > mostBytes) return { problem: 'tooLarge' }
  }
  if (!found.some(([path]) => path.startsWith('site.'))) return { problem: 'noSite' }
  return { files: Object.fromEntries(await Promise.all(found.map(async ([path, file]) => [path, await file.text()]))) }
}
