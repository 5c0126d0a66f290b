import { join } from 'node:path'

export interface AppPlace {
  /** Of a packaged app; otherwise the project folder holds everything. */
  readonly packaged: boolean
  /** The project folder, or the archive of a packaged app. */
  readonly appPath: string
  readonly resourcesPath: string
  readonly platform: NodeJS.Platform
  readonly arch: string
}

/** The service's program and folder: it always runs on the Node.js that comes with the app, never on Electron's own. */
export function serviceProgram(place: AppPlace): { node: string; folder: string; entry: string } {
  const executable = place.platform === 'win32' ? 'node.exe' : 'node'
  const folder = place.packaged ? join(place.resourcesPath, 'service') : place.appPath
  const node = place.packaged
    ? join(place.resourcesPath, executable)
    : join(folder, 'node_modules', nodePackage(place), 'bin', executable)
  return { node, folder, entry: join(folder, 'out/service/r-emsd.js') }
}

function nodePackage({ platform, arch }: AppPlace): string {
  return `node-${platform === 'win32' ? 'win' : platform}-${arch}`
}
