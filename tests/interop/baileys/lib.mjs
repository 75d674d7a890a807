// Accounts to test with: the simulated server, Baileys clients, and our own command, as objects that can be
// awaited. Nothing here sleeps: each wait ends with an event or with a deadline that says what was missing.

import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as baileys from 'baileys'

const { makeWASocket, makeCacheableSignalKeyStore, useMultiFileAuthState, DisconnectReason, WA_CERT_DETAILS } = baileys

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
const VERBOSE = Boolean(process.env.INTEROP_VERBOSE)

/** Longest waits, in milliseconds. Baileys itself waits 20 s for a history that need not come. */
export const LIMITS = { ready: 30_000, pair: 60_000, open: 60_000, message: 45_000, exit: 30_000 }

// libsignal prints whole sessions, keys included: only our own lines may appear.
const write = text => process.stdout.write(text + '\n')
for (const level of ['log', 'info', 'debug', 'warn', 'error']) {
    console[level] = (...parts) => VERBOSE && process.stderr.write(parts.map(String).join(' ') + '\n')
}
export const print = write

const cleanups = []
let cleaned = false

/** Ends every child process and removes every temporary folder. */
export function cleanUp() {
    if (cleaned) return
    cleaned = true
    for (const undo of cleanups.reverse()) {
        try {
            undo()
        } catch {
            // What is gone already needs no cleaning.
        }
    }
}
process.on('exit', cleanUp)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130))

/** A temporary folder that goes away with us. */
export function temporaryFolder() {
    const folder = mkdtempSync(join(tmpdir(), 'sanswire-interop-'))
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
    return folder
}

/** A list that can be awaited: `push` wakes everyone whose condition holds now. */
export class Journal {
    constructor(name) {
        this.name = name
        this.items = []
        this.waiting = new Set()
    }

    push(item) {
        this.items.push(item)
        this.wake()
    }

    wake() {
        for (const waiter of [...this.waiting]) waiter()
    }

    fail(error) {
        this.error = error
        this.wake()
    }

    /** Waits until `find` gives something else than undefined or false. */
    until(what, limit, find) {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                finish(reject, new Error(`${this.name}: no ${what} within ${limit / 1000} s`))
            }, limit)
            const finish = (end, value) => {
                clearTimeout(timer)
                this.waiting.delete(look)
                end(value)
            }
            const look = () => {
                const found = find(this.items)
                if (found !== undefined && found !== false) finish(resolve, found)
                else if (this.error) finish(reject, this.error)
            }
            this.waiting.add(look)
            look()
        })
    }
}

/** The command under test, built before. */
export function binary() {
    const target = process.env.CARGO_TARGET_DIR ?? join(REPOSITORY, 'target')
    const candidates = [process.env.SANSWIRE_BIN, join(target, 'release', 'sanswire'), join(target, 'debug', 'sanswire')]
    const found = candidates.find(path => path && existsSync(path))
    if (!found) throw new Error('no sanswire command: run `cargo build -p sanswire-cli` first')
    return found
}

/** A running `sanswire …`, its standard output as lines. */
export class Command {
    constructor(name, args, input = 'ignore') {
        this.lines = new Journal(name)
        this.errors = []
        this.child = spawn(binary(), args, { stdio: [input, 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } })
        cleanups.push(() => this.child.kill('SIGKILL'))
        splitLines(this.child.stdout, line => {
            if (VERBOSE) process.stderr.write(`[${name}] ${line}\n`)
            this.lines.push(line)
        })
        splitLines(this.child.stderr, line => {
            if (VERBOSE) process.stderr.write(`[${name}!] ${line}\n`)
            this.errors.push(line)
        })
        this.child.on('error', error => this.lines.fail(error))
        this.ended = new Promise(resolve => {
            this.child.on('close', (code, signal) => {
                this.result = { code, signal }
                this.lines.fail(new Error(`${name} ended (${signal ?? code}): ${this.errors.slice(-5).join(' | ')}`))
                resolve(this.result)
            })
        })
    }

    /** Waits for the end and insists on exit status 0. */
    async success(limit = LIMITS.exit) {
        await this.lines.until('end', limit, () => this.result !== undefined)
        if (this.result.code !== 0) throw this.lines.error
        return this.lines.items
    }

    /** Asks it to stop, as Ctrl-C does, and insists that it does so cleanly. */
    async stop() {
        this.child.kill('SIGINT')
        return this.success()
    }

    /** Ends it without warning. */
    async kill() {
        this.child.kill('SIGKILL')
        await this.ended
    }
}

function splitLines(stream, take) {
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', chunk => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop()
        for (const line of lines) take(line)
    })
    stream.on('end', () => rest && take(rest))
}

/** The simulated server on a free port. */
export class Server {
    static async start() {
        const server = new Server()
        server.command = new Command('server', ['serve', '--listen', '127.0.0.1:0'])
        const ready = await server.command.lines.until('ready line', LIMITS.ready, lines => lines.map(json).find(line => line?.ready))
        server.url = ready.url
        server.root = ready.cert_root
        WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(ready.cert_root, 'hex')
        return server
    }

    /** Lets the phone of the account scan this QR text; answers with the JID of the account, without device. */
    async scan(qr) {
        const target = new URL('/admin/mock-phone/scan-qr', this.url.replace(/^ws/, 'http'))
        const response = await fetch(target, { method: 'POST', body: qr })
        const text = await response.text()
        if (!response.ok) throw new Error(`scan-qr: ${response.status} ${text}`)
        return bare(JSON.parse(text).jid)
    }
}

/** What Baileys logs to: nothing, or standard error. */
function baileysLogger(name) {
    const say = level => (first, text) =>
        VERBOSE && process.stderr.write(`[${name} ${level}] ${text ?? ''} ${typeof first === 'string' ? first : JSON.stringify(first)}\n`)
    const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
    const logger = Object.fromEntries(levels.map(level => [level, level === 'trace' ? () => {} : say(level)]))
    return Object.assign(logger, { level: VERBOSE ? 'debug' : 'silent', child: () => logger })
}

function json(line) {
    try {
        return JSON.parse(line)
    } catch {
        return undefined
    }
}

/** `15550001111:3@s.whatsapp.net` without its device. */
export function bare(jid) {
    return jid.replace(/:\d+@/, '@')
}

/** One account driven by the published Baileys. Its state lies in a folder, so that it survives `disconnect`. */
export class Baileys {
    constructor(server, name) {
        this.server = server
        this.name = name
        this.folder = temporaryFolder()
        this.log = new Journal(name)
        this.sent = new Map()
        this.statuses = new Map()
        this.happened = new Journal(`${name}'s events`)
        cleanups.push(() => this.socket?.ws?.socket?.terminate())
    }

    get jid() {
        return bare(this.state.creds.me.id)
    }

    /** Connects, pairing first if it never did, until the backlog has been delivered and the user is online. */
    async connect() {
        this.wanted = true
        this.opened = false
        await this.#dial()
        await this.log.until('open connection', LIMITS.open, () => this.opened && this.caughtUp)
        // Baileys shows itself only if it knows its name when the connection opens. After pairing the name comes
        // later, by app state; until it is online its receipts are `inactive` and no sender learns of delivery.
        await this.log.until('name from app state', LIMITS.open, () => Boolean(this.state.creds.me?.name))
        await this.socket.sendPresenceUpdate('available')
    }

    async #dial() {
        const { state, saveCreds } = await useMultiFileAuthState(this.folder)
        const logger = baileysLogger(this.name)
        this.state = state
        this.caughtUp = false
        const socket = makeWASocket({
            auth: { creds: state.creds, keys: makeCacheableSignalKeyStore(state.keys, logger) },
            waWebSocketUrl: this.server.url,
            pushName: this.name,
            logger,
            getMessage: async key => this.sent.get(key.id),
        })
        this.socket = socket
        socket.ev.on('creds.update', () => saveCreds().then(() => this.log.wake()))
        socket.ev.on('connection.update', update => this.#connection(socket, update).catch(error => this.log.fail(error)))
        socket.ev.on('messages.upsert', ({ messages, type }) => {
            for (const message of messages) this.#message(message, type)
        })
        socket.ev.on('messages.update', updates => {
            for (const { key, update } of updates) {
                if (update.status) this.statuses.set(key.id, Math.max(update.status, this.statuses.get(key.id) ?? 0))
                this.happened.push({ kind: 'update', key, update })
            }
            this.log.wake()
        })
        socket.ev.on('messages.reaction', list => {
            for (const { key, reaction } of list) this.happened.push({ kind: 'reaction', key, reaction })
        })
        socket.ev.on('message-receipt.update', list => {
            for (const { key, receipt } of list) this.happened.push({ kind: 'receipt', key, receipt })
        })
        socket.ev.on('groups.upsert', list => {
            for (const group of list) this.happened.push({ kind: 'group', group })
        })
        socket.ev.on('group-participants.update', change => this.happened.push({ kind: 'participants', ...change }))
    }

    async #connection(socket, update) {
        if (socket !== this.socket) return
        if (update.qr && !this.scanned) {
            this.scanned = true
            await this.server.scan(update.qr)
        }
        if (update.connection === 'open') this.opened = true
        if (update.receivedPendingNotifications) this.caughtUp = true
        if (update.connection === 'close') {
            this.opened = false
            const code = update.lastDisconnect?.error?.output?.statusCode
            if (this.wanted && code === DisconnectReason.restartRequired) return this.#dial()
            if (this.wanted) this.log.fail(new Error(`${this.name}: closed with ${code}: ${update.lastDisconnect?.error?.message}`))
            this.closed = true
        }
        this.log.wake()
    }


    #message(message, type) {
        const content = message.message
        const text = content?.conversation || content?.extendedTextMessage?.text
        const stub = message.messageStubType
        if (text || stub) this.log.push({ id: message.key.id, fromMe: message.key.fromMe, from: message.key, text, stub, type, content })
        else if (content) this.happened.push({ kind: 'message', key: message.key, content })
    }

    /** Waits for something that happened. */
    sees(what, find) {
        return this.happened.until(what, LIMITS.message, items => items.find(find))
    }

    /** The message with this text, as it was shown. */
    message(text) {
        return this.log.items.find(item => item.text === text && !item.fromMe)
    }

    /** Sends content of any kind; the whole message as it went out. */
    async sendContent(jid, content, options) {
        const sent = await this.socket.sendMessage(jid, content, options)
        this.sent.set(sent.key.id, sent.message)
        return sent
    }

    /** Forgets every session with an account, as if its storage had lost them. */
    async loseSessions() {
        const files = readdirSync(this.folder).filter(name => name.startsWith('session-'))
        const lost = Object.fromEntries(files.map(name => [name.slice('session-'.length, -'.json'.length).replace(/__/g, '/'), null]))
        await this.socket.authState.keys.set({ session: lost })
        return files.length
    }

    /** Sends a text; the id under which it went out. */
    async send(jid, text) {
        const sent = await this.socket.sendMessage(jid, { text })
        this.sent.set(sent.key.id, sent.message)
        return sent.key.id
    }

    /** How often this text was shown to the user. */
    count(text) {
        return this.log.items.filter(item => item.text === text && !item.fromMe).length
    }

    receives(text) {
        return this.log.until(`message “${text}”`, LIMITS.message, () => this.count(text) > 0)
    }

    /** Waits until the recipient's device has confirmed the message. */
    delivered(id) {
        return this.log.until(`delivery of ${id}`, LIMITS.message, () => (this.statuses.get(id) ?? 0) >= 3)
    }

    /** Texts in the order in which they were shown. */
    texts() {
        return this.log.items.filter(item => item.text && !item.fromMe).map(item => item.text)
    }

    async disconnect() {
        this.wanted = false
        this.closed = false
        this.socket.end(undefined)
        await this.log.until('close', LIMITS.exit, () => this.closed)
    }

    async reconnect() {
        await this.disconnect()
        await this.connect()
    }
}

/** What recordings are named after, when the environment says where they go. */
export const recordings = { scenario: 'none', count: 0 }

/** One account driven by our own command. A store belongs to one process at a time: listen or send. */
export class Ours {
    constructor(server, name) {
        this.server = server
        this.name = name
        this.store = join(temporaryFolder(), 'account.db')
        this.events = new Journal(name)
    }

    /** Starts a command over the account's store, with its standard input as said. */
    start(command, input) {
        return this.#run(command, input)
    }

    /** Keeps a copy of the storage, to be put back. */
    copyStore() {
        copyFileSync(this.store, `${this.store}.copy`)
    }

    /** Puts the copy back, as somebody would who restores a backup. */
    putBackStore() {
        for (const more of ['-wal', '-shm']) rmSync(this.store + more, { force: true })
        copyFileSync(`${this.store}.copy`, this.store)
    }

    #run(command, input, ...rest) {
        const to = ['--store', this.store, '--server', this.server.url, '--cert-root', this.server.root]
        if (process.env.SANSWIRE_RECORD) {
            recordings.count += 1
            to.push('--record', join(process.env.SANSWIRE_RECORD, `${recordings.scenario}-${recordings.count}.swrec`))
        }
        return new Command(`${this.name} ${command}`, [command, ...to, ...rest], input)
    }

    /** Pairs by the QR text that the command prints. */
    async pair() {
        const pair = this.#run('pair', 'ignore', '--plain', '--name', this.name)
        const code = /\S+(,[A-Za-z0-9+/]{43}=){3}(,\S+)?/
        const qr = await pair.lines.until('QR text', LIMITS.pair, lines => lines.map(line => line.match(code)?.[0]).find(Boolean))
        this.jid = await this.server.scan(qr)
        await pair.success(LIMITS.pair)
    }

    /** Starts to listen; its events are kept over restarts. */
    listen() {
        this.listening = this.#run('listen', 'ignore')
        const known = this.listening.lines
        const take = () => {
            while (this.taken < known.items.length) {
                const event = json(known.items[this.taken++])
                if (event) this.events.push(event)
            }
        }
        this.taken = 0
        const push = known.push.bind(known)
        known.push = line => {
            push(line)
            take()
        }
        this.listening.ended.then(({ code }) => {
            if (!this.stopping) this.events.fail(new Error(`${this.name} listen ended with ${code}: ${this.listening.errors.slice(-3)}`))
        })
    }

    async stop() {
        this.stopping = true
        await this.listening.stop()
        this.stopping = false
    }

    /** Ends the listening process without warning. */
    async crash() {
        this.stopping = true
        await this.listening.kill()
        this.stopping = false
    }

    /** Sends from a process of its own; listening must have been stopped. */
    async send(jid, text) {
        const lines = await this.#run('send', 'ignore', jid, text).success()
        const id = lines.filter(line => line.trim()).pop()?.trim()
        if (!id) throw new Error(`${this.name} send printed no message id`)
        return id
    }

    /** How often this text was shown; events marked as repeated after a crash are the same showing. */
    count(text) {
        return this.events.items.filter(event => mentions(event, text) && !mentions(event, true, 'repeated')).length
    }

    receives(text) {
        return this.events.until(`message “${text}”`, LIMITS.message, () => this.count(text) > 0)
    }

    /** Of these texts, those that were shown, in that order. */
    shown(texts) {
        return this.events.items.flatMap(event => texts.filter(text => mentions(event, text)))
    }
}

/** The same account driven through `sanswire rpc`: one process that sends and listens. */
export class Talking {
    constructor(ours) {
        this.ours = ours
        this.events = ours.events
        this.answers = new Map()
        this.next = 1
        this.command = ours.start('rpc', 'pipe')
        const push = this.command.lines.push.bind(this.command.lines)
        this.command.lines.push = line => {
            push(line)
            const message = json(line)
            if (message?.method === 'event') {
                this.events.push(message.params)
                this.#write({ method: 'seen', params: { id: message.params.id } })
            } else if (message?.id !== undefined) {
                this.answers.get(message.id)?.(message)
                this.answers.delete(message.id)
            }
        }
    }

    #write(message) {
        this.command.child.stdin.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n')
    }

    /** Calls an operation; what it answered. */
    async call(method, params) {
        const id = this.next++
        const answer = new Promise(resolve => this.answers.set(id, resolve))
        this.#write({ id, method, params })
        const late = new Promise((_, reject) => {
            setTimeout(() => reject(new Error(`${this.ours.name}: no answer to ${method}`)), LIMITS.message).unref()
        })
        const { result, error } = await Promise.race([answer, late])
        if (error) throw new Error(`${this.ours.name}: ${method}: ${JSON.stringify(error)}`)
        return result
    }

    /** Sends content; the message's id. */
    async send(to, content, context) {
        const { id } = await this.call('message.send', { to, content, ...(context && { context }) })
        return id
    }

    /** Waits for an event of this kind, as it stands in JSON, for which `find` holds. */
    sees(kind, what, find = () => true) {
        return this.events.until(`${kind}: ${what}`, LIMITS.message, items => {
            return items.map(item => item.event?.[kind]).find(event => event !== undefined && find(event))
        })
    }

    /** Waits for a message with content of this kind. */
    receives(kind, what, find = () => true) {
        return this.sees('message', what, message => {
            const content = message.content?.content?.[kind] ?? message.view?.content?.[kind] ?? message.content?.[kind]
            return content !== undefined && find(content, message)
        })
    }

    /** Ends the process cleanly. */
    async stop() {
        this.command.child.stdin.end()
        await this.command.success()
    }
}

/** Does the value, at any depth, hold this one (under this key)? */
function mentions(value, wanted, key) {
    if (value === null || typeof value !== 'object') return false
    return Object.entries(value).some(([name, inner]) => {
        const here = inner === wanted && (key === undefined || name === key)
        return here || mentions(inner, wanted, key)
    })
}
