'use strict';

/*
 * The preload of a drone. It sends the app's first TCP listen(), whatever port and host the code names, to
 * 127.0.0.1 and the port that the platform gave, and writes a report when that socket listens.
 *
 * ES5 and CommonJS: it runs in whatever Node the app asks for, 0.10 and up. It must never print, never throw
 * into the app, and never keep a process alive.
 *
 * Environment: JITSU_PORT (the port), JITSU_READY (path of the report). Beside the report lies `<report>.claim`:
 * the first process of the drone that listens puts its name there, so that of several processes one is mapped.
 */

var fs = require('fs');
var net = require('net');
var events = require('events');

var LOOPBACK = '127.0.0.1';
/* Node's own defaults, milliseconds: 5 s up to Node 24, 65 s after. */
var NODE_KEEP_ALIVE = [5000, 65000];
/* Longer than the router keeps a connection idle, so that it is the router who closes. */
var KEEP_ALIVE = 75000;
/* How long a listen() may stay without an answer before its server no longer counts as the mapped one. */
var PATIENCE = 2000;
/* How long the report waits for a rehearsal, milliseconds; one takes 10 to 20. */
var REHEARSAL = 500;

var port = Number(process.env.JITSU_PORT);
var report = process.env.JITSU_READY;
var original = net.Server.prototype.listen;
var owner = null;

function isPort(value) {
  if (typeof value === 'string' && value.trim() === '') return false;
  return +value === (+value >>> 0) && +value <= 65535;
}

/* What Node makes of listen()'s arguments, as far as it is TCP: {named, options}; null if it is not. */
function understand(args) {
  var first = args[0];
  var options = {};
  var named;
  var key;
  if (args.length === 0 || first === undefined || first === null || typeof first === 'function') {
    named = 0;
  } else if (typeof first === 'object') {
    if (first._handle || first.handle || typeof first.getAsyncId === 'function') return null;
    if (typeof first.fd === 'number' && first.fd >= 0) return null;
    if (!('port' in first)) return null;
    for (key in first) options[key] = first[key];
    named = first.port === undefined || first.port === null ? 0 : first.port;
  } else {
    named = first;
  }
  if (typeof named !== 'number' && typeof named !== 'string') return null;
  /* Node takes a text that is no number for the path of a pipe, and refuses a number that is no port. */
  if (!isPort(named)) return null;
  if (typeof first !== 'object' || first === null) positional(args, options);
  return { named: +named, options: options };
}

/* listen(port, host, backlog, callback): any of the three may be missing. */
function positional(args, options) {
  if (typeof args[1] === 'string') options.host = args[1];
  var backlog = typeof args[1] === 'number' ? args[1] : args[2];
  if (typeof backlog === 'number') options.backlog = backlog;
}

function isWorker() {
  try {
    return Boolean(require('cluster').isWorker);
  } catch (error) {
    return false;
  }
}

/* The workers of a cluster claim together, in the name of their primary. */
function claimant() {
  var worker = isWorker();
  var thread = 0;
  try {
    thread = require('worker_threads').threadId;
  } catch (error) {
    thread = 0;
  }
  return { pid: worker ? process.ppid || Number(process.env.JITSU_PARENT) : process.pid, worker: worker, thread: thread };
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readClaim() {
  try {
    return JSON.parse(fs.readFileSync(report + '.claim', 'utf8'));
  } catch (error) {
    return null;
  }
}

function writeClaim(claim, flag) {
  fs.writeFileSync(report + '.claim', JSON.stringify(claim), { flag: flag, mode: 384 });
}

/* Whether this process may take the port for a listen() that named `named`. */
function claim(named) {
  var mine = claimant();
  mine.named = named;
  try {
    writeClaim(mine, 'wx');
    return true;
  } catch (error) {
    /* No place to write: then at least within this process only one is mapped. */
    if (error.code !== 'EEXIST') return true;
  }
  var theirs = readClaim();
  if (theirs && theirs.pid === mine.pid && theirs.worker === mine.worker && theirs.thread === mine.thread) {
    if (mine.worker && theirs.named !== named) return false;
  } else if (theirs && isAlive(theirs.pid)) {
    return false;
  }
  try {
    writeClaim(mine, 'w');
  } catch (error) { /* as above */ }
  return true;
}

/* Whether the server that was mapped has the port, or is about to get it. */
function holds(mapped) {
  return Boolean(mapped.server._handle) || (mapped.pending && Date.now() - mapped.since < PATIENCE);
}

function isMapped(server, named) {
  /* Whoever names the platform's own port means it; the claim then only keeps other processes off. */
  if (named === port) return claim(named) || true;
  if (owner && owner.server !== server && holds(owner)) return false;
  return claim(named);
}

function settle(server) {
  if (owner && owner.server === server) owner.pending = false;
}

function tell(server, named) {
  var beside = report + '.' + process.pid;
  /* A server that only tries whether a port is free is closed by now; another one had to make way. */
  if (!server._handle || !owner || owner.server !== server) return;
  try {
    fs.writeFileSync(beside, JSON.stringify({ pid: process.pid, port: port, named: named }), { mode: 384 });
    fs.renameSync(beside, report);
  } catch (error) { /* the platform finds the listening socket itself */ }
}

/*
 * Node loads and compiles a good part of itself at its first request, and whoever comes then waits for it. So
 * there is one before the report: to a server beside the app's, in the same process, of which the app sees nothing.
 */
function rehearse(done) {
  var Server = require('http').Server;
  var stage = new Server(function (request, response) { response.end(); });
  var guest = null;
  var timer = setTimeout(end, REHEARSAL);
  function end() {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    if (guest) guest.destroy();
    if (stage._handle) stage.close();
    done();
  }
  function visit() {
    if (timer === null) return stage.close();
    try {
      guest = net.connect(stage.address().port, LOOPBACK);
      guest.on('error', end);
      guest.on('data', end);
      guest.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    } catch (error) {
      end();
    }
  }
  stage.on('error', end);
  /* Exclusive: the workers of a cluster would share its port. */
  original.apply(stage, spoken({ port: 0, host: LOOPBACK, exclusive: true }, visit));
  if (stage.unref) stage.unref();
  if (timer.unref) timer.unref();
}

/* Reports a server that listens; one of HTTP when it is quick, too. */
function announce(server, named) {
  var over = false;
  function report() {
    if (!over) tell(server, named);
    over = true;
  }
  if (server.listeners('request').length === 0) return report();
  try {
    rehearse(report);
  } catch (error) {
    report();
  }
}

function leave() {
  var held = readClaim();
  if (!held || held.worker || held.pid !== process.pid) return;
  try {
    fs.unlinkSync(report + '.claim');
  } catch (error) { /* gone already */ }
}

function follow(server, named) {
  owner = { server: server, named: named, pending: true, since: Date.now() };
  server.once('listening', function () {
    settle(server);
    setImmediate(announce, server, named);
  });
  server.once('close', function () {
    if (owner && owner.server === server) {
      owner = null;
      leave();
    }
  });
  /* A plain 'error' listener would hide the error from an app that has none. */
  if (events.errorMonitor) server.once(events.errorMonitor, function () { settle(server); });
}

function keepAlive(server) {
  if (NODE_KEEP_ALIVE.indexOf(server.keepAliveTimeout) < 0) return;
  server.keepAliveTimeout = KEEP_ALIVE;
  /* Before Node 18 this one also ran while a connection was idle. */
  if (parseInt(process.versions.node, 10) < 18 && server.headersTimeout <= KEEP_ALIVE) {
    server.headersTimeout = KEEP_ALIVE + 5000;
  }
}

function isLoopback(host) {
  return typeof host === 'string' && (/^127\./.test(host) || host === '::1' || host === 'localhost');
}

/* The arguments of listen(); before Node 0.12 it takes no options. */
function spoken(options, callback) {
  var args = [options];
  if (/^0\.(?:\d|10)\./.test(process.versions.node)) args = [options.port, options.host, options.backlog || 511];
  if (typeof callback === 'function') args.push(callback);
  return args;
}

/* The arguments with which listen() is really called. */
function redirect(server, args) {
  var wanted = understand(args);
  var last = args[args.length - 1];
  var options;
  if (!wanted || server._handle) return args;
  keepAlive(server);
  options = wanted.options;
  options.port = wanted.named;
  if (isMapped(server, wanted.named)) {
    options.port = port;
    options.host = LOOPBACK;
    follow(server, wanted.named);
  } else if (!isLoopback(options.host)) {
    options.host = LOOPBACK;
  }
  if (options.host === LOOPBACK) delete options.ipv6Only;
  return spoken(options, last);
}

/*
 * An app may first open something beside, metrics say, and then its real server on process.env.PORT. Whoever names
 * the platform's port has the better right: the other one moves to the port that it named.
 */
function moveAside(old, named) {
  var handle = old._handle;
  if (!handle) return;
  old._handle = null;
  handle.close();
  original.apply(old, spoken({ port: named, host: LOOPBACK }));
}

function makeWay(loser, call) {
  var called = false;
  function next() {
    if (called) return;
    called = true;
    try {
      moveAside(loser.server, loser.named);
    } catch (error) { /* it stays; the other listen() fails as it would have */ }
    call();
  }
  if (loser.server._handle) return next();
  /* Its listen() is under way: Node looks its host up first. */
  loser.server.once('listening', next);
  if (events.errorMonitor) loser.server.once(events.errorMonitor, next);
}

function isInTheWay(before, server) {
  if (!before || owner === before || before.server === server || before.named === port) return false;
  return holds(before) && !isWorker();
}

function listen() {
  var server = this;
  var args = Array.prototype.slice.call(arguments);
  var before = owner;
  try {
    args = redirect(server, args);
    if (isInTheWay(before, server)) {
      makeWay(before, function () { original.apply(server, args); });
      return server;
    }
  } catch (error) { /* the app's own call, then */ }
  return original.apply(server, args);
}

/* Node before 4 has no --require: the drone's `node` runs the carapace, which runs the app's script. */
function runMain() {
  process.argv.splice(1, 1);
  process.argv[1] = require('path').resolve(process.argv[1]);
  require('module').runMain();
}

if (isPort(port) && port > 0 && report) {
  net.Server.prototype.listen = listen;
  /* process.ppid came with Node 9. */
  if (process.ppid === undefined && !isWorker()) process.env.JITSU_PARENT = String(process.pid);
}
if (require.main === module && process.argv.length > 2) runMain();
