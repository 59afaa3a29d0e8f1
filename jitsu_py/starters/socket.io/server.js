'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');
const { Server } = require('socket.io');

const page = fs.readFileSync(path.join(__dirname, 'public', 'index.html'));
const port = process.env.PORT || 3000;

const server = http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(page);
});

const io = new Server(server);

io.on('connection', socket => {
  socket.on('message', text => io.emit('message', String(text).slice(0, 500)));
});

server.listen(port, () => {
  console.log(`Chatting on port ${port}`);
});

// A new version is there: the browsers connect to it again by themselves.
process.on('SIGTERM', () => io.close());
