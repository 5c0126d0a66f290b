import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serialAdapter } from '#contract/workbench-scan.ts'
import { adapterAt, listAdapters, lowerLatency } from '../../../../service/commissioning/ports.ts'
import { hasSocat, openPtyPair } from '../../../drivers/support/pty.ts'

const isLinux = process.platform === 'linux'

describe.skipIf(!isLinux)(`serial ports of a machine${isLinux ? '' : ' (not a Linux)'}`, () => {
  let root: string
  const tty = (name: string): string => join(root, 'sys/class/tty', name)
  const latency = (): string => join(root, 'sys/devices/usb1/1-2/1-2:1.0/ttyUSB0/latency_timer')

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'r-ems-ports-'))
    const usb = join(root, 'sys/devices/usb1/1-2')
    const port = join(usb, '1-2:1.0/ttyUSB0')
    await mkdir(join(root, 'sys/bus/drivers/ftdi_sio'), { recursive: true })
    await mkdir(port, { recursive: true })
    for (const [file, text] of Object.entries({
      idVendor: '0403',
      idProduct: '6001',
      manufacturer: 'FTDI',
      product: 'FT232R USB UART',
      serial: 'A50285BI',
    }))
      await writeFile(join(usb, file), `${text}\n`)
    await writeFile(latency(), '16\n')
    await symlink(join(root, 'sys/bus/drivers/ftdi_sio'), join(port, 'driver'))
    await mkdir(tty('ttyUSB0'), { recursive: true })
    await symlink(port, join(tty('ttyUSB0'), 'device'))
    // A chip that is there, one that is not, and a console.
    for (const [name, type] of [
      ['ttyS0', '4'],
      ['ttyS1', '0'],
    ] as const) {
      const platform = join(root, 'sys/devices/platform', name)
      await mkdir(platform, { recursive: true })
      await mkdir(tty(name), { recursive: true })
      await writeFile(join(tty(name), 'type'), type)
      await symlink(platform, join(tty(name), 'device'))
    }
    await mkdir(tty('tty1'), { recursive: true })
    await mkdir(join(root, 'dev/serial/by-id'), { recursive: true })
    await symlink('../../ttyUSB0', join(root, 'dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0'))
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  it('are listed with what they are', async () => {
    const adapters = await listAdapters({ root })
    expect(adapters.map((adapter) => serialAdapter.parse(adapter))).toMatchObject([
      { path: '/dev/ttyS0', kind: 'uart', vendor: null, latencyMs: null },
      {
        path: '/dev/ttyUSB0',
        byIdPath: '/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0',
        kind: 'usb',
        vendorId: '0403',
        productId: '6001',
        vendor: 'FTDI',
        product: 'FT232R USB UART',
        serial: 'A50285BI',
        driver: 'ftdi_sio',
        latencyMs: 16,
      },
    ])
  })

  it.skipIf(userInfo().uid === 0)('name the command where the latency must not be changed', async () => {
    await chmod(latency(), 0o444)
    const outcome = await lowerLatency('/dev/ttyUSB0', { root })
    expect(outcome).toMatchObject({ latencyMs: 16, lowered: false })
    expect(outcome.text).toContain('echo 1 | sudo tee')
    await chmod(latency(), 0o644)
  })

  it('have their latency lowered', async () => {
    expect(await lowerLatency('/dev/ttyUSB0', { root })).toMatchObject({ latencyMs: 1, lowered: true })
    expect(await readFile(latency(), 'utf8')).toBe('1')
    expect((await lowerLatency('/dev/ttyUSB0', { root })).text).toBe('the latency is 1 ms already')
    expect(await lowerLatency('/dev/ttyS0', { root })).toMatchObject({ latencyMs: null, lowered: false })
  })

  it.skipIf(!hasSocat)('may be any terminal', async () => {
    await using pair = await openPtyPair()
    const found = await adapterAt(pair.client)
    expect(serialAdapter.parse(found)).toMatchObject({ path: pair.client, kind: 'terminal' })
    expect(found?.settings?.baud).toBeGreaterThanOrEqual(300)
    expect(await adapterAt('/dev/null-port')).toBeUndefined()
    expect(await adapterAt('/etc/passwd')).toBeUndefined()
  })
})
