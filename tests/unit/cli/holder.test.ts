import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { createServer as createSocketServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findHolder } from '../../../service/cli/holder.ts'
import { parseBusAddress } from '../../../service/drivers/modbus/address.ts'

/** A program on the service's port that answers every question with this. */
async function answering(body: unknown, status = 200): Promise<NodeJS.ProcessEnv> {
  const server: Server = createServer((_request, response) => response.writeHead(status).end(JSON.stringify(body)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { R_EMS_API_PORT: String((server.address() as AddressInfo).port), R_EMS_API_TOKEN: 'a-token-of-the-service' }
}

const holding = (...buses: string[]) => answering({ devices: buses.map((bus) => ({ bus })) })

describe('findHolder', () => {
  it.each([
    ['tcp://localhost:5020', true],
    ['rtutcp://127.0.0.1:5020', true],
    ['tcp://127.0.0.1:5021', false],
    ['tcp://127.0.0.2:5020', false],
  ])('takes %s for the bus tcp://127.0.0.1:5020: %s', async (address, same) => {
    const holder = await findHolder(parseBusAddress(address), await holding('tcp://127.0.0.1:5020'))
    expect(holder?.bus).toBe(same ? 'tcp://127.0.0.1:5020' : undefined)
  })

  it('knows a serial port by all its names, and refuses it with other settings', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'r-ems-port-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const port = join(folder, 'ttyUSB0')
    const link = join(folder, 'by-id')
    writeFileSync(port, '')
    symlinkSync(port, link)
    const held = `rtu://${port}?baud=9600&parity=N&stopbits=1`
    const environment = await holding(held)
    await expect(findHolder(parseBusAddress(`rtu://${link}`), environment)).resolves.toMatchObject({ bus: held })
    await expect(findHolder(parseBusAddress(`rtu://${link}?baud=19200`), environment)).rejects.toMatchObject({
      code: 5,
      message: expect.stringContaining('other settings'),
    })
  })

  it('refuses without a token', async () => {
    const environment = await answering({ type: 'api.token-missing', title: 'A token is missing', status: 401 }, 401)
    delete environment['R_EMS_API_TOKEN']
    const blind = { ...environment, R_EMS_DATA_DIR: '/dev/null' }
    await expect(findHolder(parseBusAddress('tcp://127.0.0.1:5020'), blind)).rejects.toMatchObject({
      code: 5,
      message: expect.stringContaining('unknown whether it holds the bus'),
    })
  })

  it('does not take another program for the service', async () => {
    const address = parseBusAddress('tcp://127.0.0.1:5020')
    await expect(findHolder(address, await answering({ hello: 'world' }))).resolves.toBeUndefined()
    await expect(findHolder(address, { R_EMS_API_PORT: '1' })).resolves.toBeUndefined()
    await expect(findHolder(address, { R_EMS_API_PORT: '0' })).resolves.toBeUndefined()
  })

  it('refuses while it cannot be known who holds the bus', async () => {
    const mute = createSocketServer(() => undefined).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    onTestFinished(() => void mute.close())
    const environment = { R_EMS_API_PORT: String((mute.address() as AddressInfo).port) }
    await expect(findHolder(parseBusAddress('tcp://127.0.0.1:5020'), environment)).rejects.toMatchObject({
      code: 5,
      message: expect.stringContaining('does not answer'),
    })
  })
})
