import pytest

from devstack.adapters.docker.engine import EngineError, NotThereError
from devstack.adapters.docker.images import CACHED_IMAGES, Images
from devstack.errors import AdapterError


class KnownImages:
    """An engine on linux/amd64 with some images here and some in a registry; it counts the questions."""

    def __init__(self, local=(), registry=()):
        self.local = dict(local)
        self.registry = dict(registry)
        self.questions = 0
        self.logins = []
        self.pulled = []
        self.reports = [{"status": "Pulling"}, {"status": "Done"}]

    def version(self):
        return {"Os": "linux", "Arch": "amd64"}

    def local_platform(self, image):
        self.questions += 1
        if image not in self.local:
            raise NotThereError(f"Error response from daemon: No such image: {image}")
        return self.local[image]

    def registry_platforms(self, image, login):
        self.logins.append(login)
        if image not in self.registry:
            raise EngineError("Error response from daemon: no such host")
        return self.registry[image]

    def pull(self, image, tag, login):
        self.pulled.append((image, tag))
        yield from self.reports


@pytest.fixture(autouse=True)
def no_login(monkeypatch):
    monkeypatch.delenv("DOCKER_USERNAME", raising=False)
    monkeypatch.delenv("DOCKER_PASSWORD", raising=False)


def never():
    return False


def test_a_local_image_is_accepted_without_asking_a_registry():
    """An image that was built here has no registry digest, and still runs."""
    engine = KnownImages(local={"mine": "linux/amd64"})
    assert "" == Images(engine).refusal("mine")
    assert [] == engine.logins


def test_another_platform_is_refused():
    """An image without the engine's platform is refused with both lists."""
    engine = KnownImages(registry={"w": ("windows/amd64", "linux/arm64")})
    phrase = "support the available image platforms [windows/amd64 linux/arm64] (supports [linux/amd64])"
    assert phrase == Images(engine).refusal("w")


def test_one_fitting_platform_is_enough():
    """Of several platforms one has to fit."""
    assert "" == Images(KnownImages(registry={"m": ("linux/arm64", "linux/amd64")})).refusal("m")


def test_an_unknown_image_is_an_error_with_a_hint():
    """What nobody knows fails the bid, in the engine's words, and says what could help."""
    with pytest.raises(AdapterError) as caught:
        Images(KnownImages()).refusal("nobody/knows")
    assert (
        'Could not inspect image "nobody/knows" - could be due to repo/image not existing, or registry needing '
        "authorization: Error response from daemon: no such host" == caught.value.message
    )
    assert "DOCKER_USERNAME" in caught.value.hint
    assert "DOCKER_PASSWORD" in caught.value.hint


@pytest.mark.parametrize("image", ["/////", "a//b", "../containers/json?all=1", "a/..", "./a", "a/"])
def test_a_name_that_leads_elsewhere_is_no_image(image):
    """Names become a part of addresses on the engine, which has other things than images."""
    with pytest.raises(AdapterError, match="invalid reference format"):
        Images(KnownImages()).refusal(image)


def test_login_goes_to_short_names_only(monkeypatch):
    """The login of the environment is for the default registry, so not for names with two slashes; then no hint."""
    monkeypatch.setenv("DOCKER_USERNAME", "me")
    monkeypatch.setenv("DOCKER_PASSWORD", "secret")
    engine = KnownImages()
    for image in ("a", "a/b", "a/b/c"):
        with pytest.raises(AdapterError) as caught:
            Images(engine).refusal(image)
        assert "" == caught.value.hint
    login = {"username": "me", "password": "secret"}
    assert [login, login, None] == engine.logins


def test_answers_are_kept_and_failures_are_not():
    """A known image is asked for once, an unknown one each time."""
    engine = KnownImages(local={"mine": "linux/amd64"})
    images = Images(engine)
    images.refusal("mine")
    images.refusal("mine")
    assert 1 == engine.questions
    for _ in range(2):
        with pytest.raises(AdapterError):
            images.refusal("later")
    engine.local["later"] = "linux/amd64"
    assert "" == images.refusal("later")


def test_the_cache_takes_a_thousand_images():
    """The 1001st image is asked for each time."""
    engine = KnownImages(local={f"i{n}": "linux/amd64" for n in range(CACHED_IMAGES + 1)})
    images = Images(engine)
    for name in engine.local:
        images.refusal(name)
    asked = engine.questions
    images.refusal(f"i{CACHED_IMAGES - 1}")
    assert asked == engine.questions
    images.refusal(f"i{CACHED_IMAGES}")
    assert asked + 1 == engine.questions


@pytest.mark.parametrize(
    ("image", "asked_for"),
    [
        ("busybox", ("busybox", "latest")),
        ("busybox:1.35", ("busybox", "1.35")),
        ("127.0.0.1:5000/a/b", ("127.0.0.1:5000/a/b", "latest")),
        ("127.0.0.1:5000/a/b:c", ("127.0.0.1:5000/a/b", "c")),
        ("a@sha256:12", ("a", "sha256:12")),
    ],
)
def test_one_tag_is_pulled(image, asked_for):
    """Without a tag `latest` is meant, not all there are."""
    engine = KnownImages()
    Images(engine).pull(image, never)
    assert [asked_for] == engine.pulled


def test_a_failed_pull_says_what_the_engine_said():
    """The error comes among the progress reports."""
    engine = KnownImages()
    engine.reports = [{"status": "Pulling"}, {"error": "manifest unknown"}]
    with pytest.raises(AdapterError) as caught:
        Images(engine).pull("x", never)
    assert (
        'Could not pull image "x" - could be due to repo/image not existing, or registry needing authorization: '
        "Error response from daemon: manifest unknown" == caught.value.message
    )


def test_a_pull_that_is_no_longer_wanted_is_left():
    """A cancelled execution reads no further reports."""
    engine = KnownImages()
    engine.reports = [{"status": "Pulling"}, {"error": "never read"}]
    Images(engine).pull("x", lambda: True)
