// A go-between that hands every request on to a server unchanged and keeps what was sent: browsers
// do not show the bodies of beacons.

import http from 'node:http';

export class Recorder {
  // requests: { method, url, headers, body (Buffer) }, as they came.
  constructor(server) {
    this.requests = [];
    this.listener = http.createServer((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        this.requests.push({ method: request.method, url: request.url, headers: request.headers, body });
        const onward = http.request(server.url + request.url, { method: request.method, headers: request.headers },
          (answer) => answer.pipe(response.writeHead(answer.statusCode, answer.headers)));
        onward.on('error', () => response.destroy());
        onward.end(body);
      });
    });
  }

  static start(server) {
    const recorder = new Recorder(server);
    return new Promise((resolve) => recorder.listener.listen(0, '127.0.0.1', () => {
      recorder.url = `http://127.0.0.1:${recorder.listener.address().port}`;
      resolve(recorder);
    }));
  }

  close() {
    this.listener.closeAllConnections();
    this.listener.close();
  }
}
