"""Where a team's platform connects to: what was looked at, and nothing within the operator's network. Real SDKs, real
sockets; only what names resolve to is made up, and, where a public address is really connected to, the way there."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.accounts.models import User
from apps.accounts.principal import Principal, principal_for
from apps.api.errors import PlatformFailed
from apps.opie import rows
from apps.opie.agentos.platform_rows import change_platform, create_platform
from apps.opie.models import AgentOSRun, AIPlatform
from apps.opie.models.platforms import ApiType
from apps.opie.providers.addresses import is_public_address
from apps.opie.providers.clients import close_clients
from apps.opie.providers.connecting import PublicNetwork
from apps.opie.providers.metered import MeteredModel
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot
from tests.opie.providers.asking import KEY, add_platform, metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.opie.providers.storm import WIRES, one_answer
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "llm.example.com"
PUBLIC = "93.184.215.14"
Resolving = Callable[..., list[str]]


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Resolving:
    """Makes the name resolve to these, one after the other, the last one again and again; answers what was asked for."""
    plain = socket.getaddrinfo

    def to(*answers: str) -> list[str]:
        left, asked = list(answers), []

        def resolve(host: Any, *rest: Any, **more: Any) -> Any:
            if host != NAME:
                return plain(host, *rest, **more)
            asked.append(host)
            return plain(left.pop(0) if len(left) > 1 else left[0], *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        return asked

    return to


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The way to the public address leads to this machine. Answers what was connected to."""
    gone_to: list[str] = []
    plain = PublicNetwork.__init__

    def with_a_way(network: PublicNetwork, core: Any) -> None:
        plain(network, core)
        inner = network._network.connect_tcp

        async def connect_tcp(host: str, *rest: Any) -> Any:
            gone_to.append(host)
            return await inner("127.0.0.1" if host == PUBLIC else host, *rest)

        network._network.connect_tcp = connect_tcp

    monkeypatch.setattr(PublicNetwork, "__init__", with_a_way)
    return gone_to


def port_of(vendor: VendorServer) -> str:
    return vendor.url.rpartition(":")[2]


async def of_the_team(api_type: str, url: str, principal: Principal) -> MeteredModel:
    return await metered(api_type, url, team_id=principal.team_id)


async def test_a_name_that_is_public_when_saved_and_private_when_asked_is_refused(
    vendor: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped, resolving: Resolving
) -> None:
    asked = resolving(PUBLIC, "127.0.0.1")
    body = {"platform_name": "ours", "api_type": "openai_compatible", "default_model": "m", "api_key": KEY}
    address = f"https://{NAME}:{port_of(vendor)}/v1"
    row = await rows.run(create_platform, principal, body | {"base_url": address})
    model = MeteredModel((Candidate(PlatformSnapshot.of(row), "m", max_tokens=64),))
    with scoped(), pytest.raises(PlatformFailed, match="not on the public internet") as caught:
        await one_answer(model, stream=False)
    assert caught.value.code == "platform_unreachable"
    assert (len(asked), vendor.connections) == (2, 0)
    (call,) = await usage_rows(run)
    assert (call.outcome, call.input_tokens, call.cost) == ("unsent", 0, 0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api_type", WIRES)
async def test_no_sdk_gets_around_it(
    api_type: str,
    stream: bool,
    vendor: VendorServer,
    principal: Principal,
    run: AgentOSRun,
    scoped: Scoped,
    resolving: Resolving,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", vendor.url)  # a way around it, if it were taken
    resolving("127.0.0.1")
    for host in (NAME, "127.0.0.1"):
        model = await metered(
            api_type, f"http://{host}:{port_of(vendor)}", team_id=principal.team_id, platform_name=host.replace(".", "")
        )
        with scoped(), pytest.raises(PlatformFailed, match="not on the public internet"):
            await one_answer(model, stream=stream)
    assert vendor.connections == 0


@pytest.mark.parametrize("api_type", WIRES)
async def test_what_was_looked_at_is_what_is_connected_to(
    api_type: str,
    vendor: VendorServer,
    principal: Principal,
    run: AgentOSRun,
    scoped: Scoped,
    resolving: Resolving,
    way: list[str],
) -> None:
    asked = resolving(PUBLIC, "127.0.0.1")
    model = await of_the_team(api_type, f"http://{NAME}:{port_of(vendor)}", principal)
    with scoped():
        assert await one_answer(model, stream=False)
    assert (way, len(asked)) == ([PUBLIC], 1)
    assert vendor.asked[0].headers["host"] == f"{NAME}:{port_of(vendor)}"


@pytest.mark.parametrize("api_type", WIRES)
async def test_no_redirect_leads_into_the_network(
    api_type: str,
    vendor: VendorServer,
    principal: Principal,
    run: AgentOSRun,
    scoped: Scoped,
    resolving: Resolving,
    way: list[str],
) -> None:
    resolving(PUBLIC)
    async with VendorServer() as inside:
        vendor.will(Reply(status=307, location=f"{inside.url}/v1/chat/completions"))
        model = await of_the_team(api_type, f"http://{NAME}:{port_of(vendor)}", principal)
        with scoped(), pytest.raises(PlatformFailed):
            await one_answer(model, stream=False)
        assert inside.connections == 0
    assert set(way) == {PUBLIC}


async def test_tls_is_for_the_name_and_not_for_the_address(
    principal: Principal,
    run: AgentOSRun,
    scoped: Scoped,
    resolving: Resolving,
    way: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(PUBLIC)
    certificate, key = certificate_for(NAME, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    named: list[str | None] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    async with VendorServer() as plain:
        server = await asyncio.start_server(tunnel_to(int(port_of(plain))), "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        model = await of_the_team(ApiType.OPENAI_COMPATIBLE, f"https://{NAME}:{port}", principal)
        with scoped():
            assert await one_answer(model, stream=False)
        await close_clients()
        server.close()
    assert (named, way) == ([NAME], [PUBLIC])


async def test_operators_connect_where_they_like(
    vendor: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    """The installation's platform, and one that an operator has entered for a team."""
    user = await rows.run(User.objects.get, pk=principal.user_id)
    user.is_superuser = True
    await rows.run(user.save)
    membership = await rows.run(lambda: user.memberships.get().team)
    operator = await rows.run(principal_for, user, membership)
    body = {
        "platform_name": "ours",
        "api_type": "openai_compatible",
        "default_model": "m",
        "base_url": vendor.url + "/v1",
    }
    row = await rows.run(create_platform, operator, body)
    installed = await rows.run(add_platform, ApiType.OLLAMA, vendor.url)
    with scoped():
        for one in (row, installed):
            model = MeteredModel((Candidate(PlatformSnapshot.of(one), one.default_model, max_tokens=64),))
            assert await one_answer(model, stream=False)


async def test_an_address_that_the_team_enters_later_is_the_teams(principal: Principal, resolving: Resolving) -> None:
    resolving(PUBLIC)
    row = await rows.run(
        lambda: AIPlatform.objects.create(
            team_id=principal.team_id,
            platform_name="ours",
            api_type="openai_compatible",
            default_model="m",
            base_url="http://10.0.0.5/v1",
            may_be_private=True,
        )
    )
    assert not PlatformSnapshot.of(row).must_be_public
    await rows.run(change_platform, principal, row, {"base_url": f"https://{NAME}/v1"})
    assert PlatformSnapshot.of(await rows.run(AIPlatform.objects.get)).must_be_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
        "::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
    ],
)
def test_what_is_not_of_the_public_internet(address: str) -> None:
    assert not is_public_address(address)


def test_what_is() -> None:
    assert all(map(is_public_address, (PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14")))


def tunnel_to(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    """A server that passes everything on to that port, and back."""

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while piece := await source.read(65536):
            target.write(piece)
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer, question = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, question), copy(answer, writer), return_exceptions=True)

    return serve


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate, private
