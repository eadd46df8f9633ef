// Starts GraphiQL with a fetcher of our own: queries and mutations by POST,
// subscriptions over a WebSocket that speaks graphql-transport-ws. The token stands in
// the headers editor, is sent with each request, and is kept nowhere.
'use strict';

const WELCOME = `# The API of Ropewalk.
#
# Put an API token into "Headers" below, then press the play button:
#   { "Authorization": "Bearer rw_…" }
#
# A server token chooses its organization with "Ropewalk-Organization".

query Welcome {
  viewer { who role organization { key name timeZone } }
  jobs(first: 10) { nodes { key name version } totalCount }
  jobResults(first: 10) { nodes { job status message createdAt } }
}
`;

const HEADERS = `{
  "Authorization": "Bearer "
}`;

function isSubscription(documentAST, operationName) {
  const operations = (documentAST?.definitions ?? []).filter(({ kind }) => kind === 'OperationDefinition');
  const chosen = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  return chosen?.operation === 'subscription';
}

async function post(params, headers) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(params),
    credentials: 'omit',
  });
  return response.json();
}

// Yields each answer; leaving the loop, as the stop button does, closes the socket.
async function* subscribe(params, headers) {
  const url = new URL('/graphql/ws', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url, 'graphql-transport-ws');
  const arrived = [];
  let wake = () => {};
  const arrive = (event) => { arrived.push(event); wake(); };
  const send = (message) => socket.send(JSON.stringify(message));
  socket.onopen = () => send({ type: 'connection_init', payload: headers });
  socket.onmessage = ({ data }) => arrive(JSON.parse(data));
  socket.onclose = ({ code, reason }) => arrive({ type: 'closed', code, reason });
  try {
    for (;;) {
      while (arrived.length === 0) await new Promise((resolve) => { wake = resolve; });
      const message = arrived.shift();
      switch (message.type) {
        case 'connection_ack': send({ id: '1', type: 'subscribe', payload: params }); break;
        case 'ping': send({ type: 'pong' }); break;
        case 'next': yield message.payload; break;
        case 'error': yield { errors: message.payload }; return;
        case 'complete': return;
        case 'closed': throw new Error(`The socket was closed: ${message.code} ${message.reason}`);
      }
    }
  } finally {
    socket.close();
  }
}

function fetcher(params, { headers = {}, documentAST } = {}) {
  if (!hasToken(headers)) {
    return { errors: [{ message: 'Put an API token into "Headers" below: { "Authorization": "Bearer rw_…" }' }] };
  }
  const subscribes = isSubscription(documentAST, params.operationName);
  return subscribes ? subscribe(params, headers) : post(params, headers);
}

function hasToken(headers) {
  return Object.entries(headers).some(([name, value]) => /^authorization$/i.test(name) && /^bearer\s+\S/i.test(value));
}

// GraphiQL asks for the schema once, when it opens; by then there was no token. So it is
// asked to ask again when the token has changed and typing has paused.
let asked = '';
let pause;
function onEditHeaders(text) {
  clearTimeout(pause);
  pause = setTimeout(() => {
    let headers = {};
    try { headers = JSON.parse(text); } catch { return; }
    if (text === asked || !hasToken(headers)) return;
    asked = text;
    document.querySelector('[aria-label="Re-fetch GraphQL schema"]')?.click();
  }, 600);
}

const page = React.createElement(GraphiQL, {
  fetcher,
  onEditHeaders,
  defaultQuery: WELCOME,
  defaultHeaders: HEADERS,
  defaultEditorToolsVisibility: 'headers',
  isHeadersEditorEnabled: true,
  shouldPersistHeaders: false,
});

ReactDOM.createRoot(document.getElementById('graphiql')).render(page);
