'use strict'
// Loaded before pouchdb-server. It lets no request through without the password, keeps a request that throws
// from ending the server, and refuses writes while the disk is nearly full.

const { AsyncLocalStorage } = require('async_hooks')
const { createHash, timingSafeEqual } = require('crypto')
const fs = require('fs')
const http = require('http')

const settings = JSON.parse(fs.readFileSync(process.env.JITSU_COUCH, 'utf8'))
const requests = new AsyncLocalStorage()

const digest = text => createHash('sha256').update(text).digest()
const expected = digest(`${settings.account}:${settings.password}`)

// What the server would do to its machine, or to the folders of others, instead of to its data.
const CLOSED = new Set(['_cluster_setup', '_config', '_log', '_node', '_replicate', '_replicator', '_restart',
  '_users'])
const NAME = /^(?!pouch__)[a-z][a-z0-9_$()+-]{0,237}$/

// POSTs that only read; the last part of their path, or the one before a name.
const READING = new Set(['_all_docs', '_bulk_get', '_changes', '_compact', '_ensure_full_commit', '_explain',
  '_find', '_missing_revs', '_purge', '_revs_diff', '_session', '_temp_view', '_view', '_view_cleanup'])

function answer (response, status, error, reason, more = {}) {
  const body = JSON.stringify({ error, reason }) + '\n'
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...more }
  // The rest of a body that nobody reads must not be taken for the next request.
  response.writeHead(status, { ...headers, connection: 'close' })
  response.end(body)
}

function isAllowed (request) {
  const [, sent] = /^basic +([a-z0-9+/=_-]+)$/i.exec(request.headers.authorization || '') || []
  return sent !== undefined && timingSafeEqual(digest(Buffer.from(sent, 'base64')), expected)
}

function partsOf (request) {
  try {
    return new URL(request.url, 'http://x').pathname.split('/').filter(Boolean).map(decodeURIComponent)
  } catch {
    return null
  }
}

function writes (request, parts) {
  const { method } = request
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return false
  if (method === 'DELETE' && parts.length === 1) return false // it makes room
  return !(method === 'POST' && parts.slice(-3).some(part => READING.has(part)))
}

// CouchDB reads a document as JSON whatever it is said to be; the server would take curl's as an empty one.
function mendType (request, parts) {
  const isDocument = parts.length <= 2 || (parts.length === 3 && /^_(design|local)$/.test(parts[1]))
  const isBody = request.method === 'PUT' || request.method === 'POST'
  const type = request.headers['content-type'] || ''
  if (isBody && isDocument && !type.startsWith('multipart/')) request.headers['content-type'] = 'application/json'
}

// Returns whether the request may go on to the server.
function pass (request, response) {
  if (!isAllowed(request)) {
    const more = { 'www-authenticate': 'Basic realm="database"' }
    answer(response, 401, 'unauthorized', 'Name or password is missing or incorrect.', more)
    return false
  }
  const parts = partsOf(request)
  const [first = ''] = parts || []
  if (parts === null || !(first === '' || first.startsWith('_') || NAME.test(first)) || first.includes('/')) {
    answer(response, 400, 'illegal_database_name', 'A name has a-z, 0-9 and _$()+-, and begins with a letter.')
  } else if (CLOSED.has(first)) {
    answer(response, 403, 'forbidden', `${first} is not to be had on this server.`)
  } else if (writes(request, parts) && !fs.existsSync(settings.writable)) {
    answer(response, 507, 'insufficient_storage', 'The disk is nearly full: no writes are taken.')
  } else {
    mendType(request, parts)
    return true
  }
  return false
}

let listens = false
const emit = http.Server.prototype.emit
http.Server.prototype.emit = function (event, request, response) {
  if (event === 'listening') listens = true
  if (event === 'upgrade' || event === 'connect') {
    response.destroy()
    return true
  }
  if (event !== 'request' && event !== 'checkContinue' && event !== 'checkExpectation') {
    return emit.apply(this, arguments)
  }
  if (!pass(request, response)) return true
  // To what is behind everybody is its administrator: it has no accounts, and its own check has holes.
  delete request.headers.authorization
  delete request.headers.cookie
  return requests.run({ response }, () => emit.apply(this, arguments))
}

function survive (error) {
  console.error(error && error.stack ? error.stack : String(error))
  if (!listens) process.exit(1)
  const { response } = requests.getStore() || {}
  if (response && !response.headersSent) {
    answer(response, 500, 'internal_server_error', String((error && error.message) || error))
  } else if (response && !response.writableEnded) {
    response.destroy()
  }
}
process.on('uncaughtException', survive)
process.on('unhandledRejection', survive)
