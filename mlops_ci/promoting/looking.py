"""One look at everything: targets, offers, pull requests, and what the plan says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property

from mlops_ci.adapters import git_batch, git_branches
from mlops_ci.adapters.model_store import ModelStore
from mlops_ci.config import Config
from mlops_ci.forge import PullRequest
from mlops_ci.manifests import crds
from mlops_ci.promoting import asking, healthy, offering, reading, sites
from mlops_ci.promoting.offering import Main, Offering
from mlops_ci.promoting.reading import Standing, Target
from mlops_ci.promoting.sites import Site
from mlops_ci.promotion import marker, marks
from mlops_ci.promotion.plan import plan
from mlops_ci.promotion.rules import all_rules
from mlops_ci.promotion.world import Asked, Decision, Live, Plan, Rules, Wait, World
from mlops_ci.rollout import Release
from mlops_ci.session import Session

Ask = Callable[["Ground"], Sequence[Asked]]


@dataclass(frozen=True)
class Ground:
    """What is there before anything is planned; ``standings`` are by the address of their repository."""

    session: Session
    config: Config
    environ: Mapping[str, str]
    store: ModelStore
    main: Main
    standings: Mapping[str, Standing]
    pulls: Mapping[str, tuple[PullRequest, ...]]
    compiled: dict[str, tuple[crds.Schema, ...]] = field(default_factory=dict)

    @cached_property
    def live(self) -> dict[Target, Live]:
        """Every target, the environments in the order of the file."""
        found = {target: live for one in self.standings.values() for target, live in one.live.items()}
        order = list(self.config.environments)
        return dict(sorted(found.items(), key=lambda pair: (order.index(pair[0][0]), pair[0][1])))

    def address(self, environment: str) -> str:
        """The address of the repository that holds an environment's manifests; empty for our own."""
        return self.config.environments[environment].repo or ""

    def of(self, environment: str) -> Standing:
        """The repository that holds an environment's manifests."""
        return self.standings[self.address(environment)]

    def schemas(self, address: str) -> tuple[crds.Schema, ...]:
        """What `mlops-ci schema add` compiled into a repository, at its base branch's head."""
        if address not in self.compiled:
            site = self.standings[address].site
            texts = git_batch.texts(site.git, site.head, site.git.listed(site.head, crds.FOLDER))
            self.compiled[address] = crds.loaded({name: text or "" for name, text in texts.items()})
        return self.compiled[address]

    def pulls_of(self, environment: str) -> tuple[PullRequest, ...]:
        """The pull requests of promotions in the repository of an environment."""
        return self.pulls[self.address(environment)]

    def again(self) -> Ground:
        """The same as it is now: base branches, pull requests, main's pipeline.

        Raises:
            ToolError: a remote, a forge or the store cannot be reached.
        """
        places = {address: one.site.refreshed() for address, one in self.standings.items()}
        return _stood(self.session, self.environ, self.store, places)


@dataclass(frozen=True)
class View:
    """What is there, what is offered, and what follows."""

    ground: Ground
    offering: Offering
    world: World
    rules: Mapping[str, Rules]
    plan: Plan

    @cached_property
    def decided(self) -> Mapping[Target, Decision]:
        """What is due, by its target."""
        return {(one.environment, one.model): one for one in self.plan.decisions}

    @cached_property
    def waiting(self) -> Mapping[Target, Wait]:
        """What waits, by its target."""
        return {(one.environment, one.model): one for one in self.plan.waits}

    def schemas(self, environment: str) -> tuple[crds.Schema, ...]:
        """The schemas that the repository of an environment's manifests holds them to."""
        return self.ground.schemas(self.ground.address(environment))

    def pull(self, environment: str, model: str) -> PullRequest | None:
        """The open pull request of a target: its own, or that of its group where it is one of those."""
        own, shared = self.branch(environment, model), self.branch(environment, model, group=True)
        pulls = {one.head: one for one in self.ground.pulls_of(environment) if one.state == "open"}
        of_group = pulls.get(shared) if shared != own else None
        if of_group and any(one.startswith(f"{environment}/{model}/") for one in _about(of_group)):
            return pulls.get(own, of_group)
        return pulls.get(own)

    def branch(self, environment: str, model: str, *, group: bool = False) -> str:
        """The branch of a target's pull request: its own, or that of its group where it has one."""
        name = self.rules[environment].group if group else ""
        return f"{marks.PREFIX}{environment}/{f'group-{name}' if name else model}"


@contextmanager
def ground(session: Session, environ: Mapping[str, str]) -> Iterator[Ground]:
    """Read what is there; clones of other repositories are gone when the block ends.

    Raises:
        ConfigError: the pipeline, the configuration or a branch cannot be used.
        ToolError: a remote, a forge or the store cannot be reached.
    """
    project, say = session.project, session.terminal.say
    config = project.policy
    with ExitStack() as stack:
        own = sites.own(project.git, environ, base=project.revisions.base_branch, say=say)
        places: dict[str, Site] = {"": own}
        for address in {one.repo for one in config.environments.values() if one.repo}:
            places[address] = stack.enter_context(sites.other(address, environ, say))
        store = ModelStore.of(config.promotion.store or "", project.dvc)
        yield _stood(session, environ, store, places)


def _stood(
    session: Session, environ: Mapping[str, str], store: ModelStore, places: Mapping[str, Site]
) -> Ground:
    """What stands at the heads of these repositories."""
    config = session.project.policy
    main = offering.at(session, places[""].head)
    standings = {
        address: reading.standing(site, config, _targets(config, address, main.names))
        for address, site in places.items()
    }
    pulls = {address: site.forge.promotions(marks.PREFIX) for address, site in places.items()}
    return Ground(session, config, environ, store, main, standings, pulls)


def view(found: Ground, ask: Ask = lambda _: (), *, dry_run: bool, now: datetime | None = None) -> View:
    """What follows from what is there and from what people ask for.

    Raises:
        ConfigError: what is asked for cannot be done.
        ToolError: the store cannot be reached.
    """
    moment = now or datetime.now(UTC)
    live = found.live
    # What somebody asks for in vain is refused before anything is published.
    ordered = ask(found)
    offers = offering.offering(found.main, found.store, _known(live), _wanted(found, live), dry_run=dry_run)
    asked = {(one.environment, one.model): one for one in (*_open_orders(found), *ordered)}
    every = [pull for pulls in found.pulls.values() for pull in pulls]
    there = frozenset(about for pull in every if pull.state == "open" for about in _about(pull))
    world = World(
        targets=[_health(found, one, moment) for one in live.values()],
        offered=offers.offered,
        now=moment,
        refused=_refused(every, there),
        asked=list(asked.values()),
        open=there,
        limit=found.config.promotion.limit,
    )
    rules = all_rules(found.config, moment)
    return View(found, offers, world, rules, plan(world, rules))


def _refused(pulls: Sequence[PullRequest], there: frozenset[str]) -> dict[str, int]:
    """What a person said no to, with the number; what is open again is none of it."""
    closed = [(about, pull.number) for pull in pulls if marks.is_no(pull) for about in _about(pull)]
    return {about: number for about, number in closed if about not in there}


def _about(pull: PullRequest) -> tuple[str, ...]:
    """The decisions that a pull request is about: one, or those of a group."""
    told = marker.read(pull.body)
    return told.ids if told else (marks.id_of(pull.body),)


def _health(found: Ground, live: Live, now: datetime) -> Live:
    """A target with what its health source says."""
    environment = found.config.environments[live.environment]
    return healthy.told(live, environment, found.of(live.environment).site, found.environ, now)


def _targets(config: Config, address: str, models: Sequence[str]) -> list[Target]:
    """The targets whose manifests are in one repository."""
    return [
        (name, model)
        for name, environment in config.environments.items()
        if (environment.repo or "") == address
        for model in models
        if any(fnmatchcase(model, pattern) for pattern in environment.models)
    ]


def _wanted(found: Ground, live: Mapping[Target, Live]) -> list[str]:
    """The models that main's release may go somewhere of: those of environments that come first."""
    first = {name for name, one in found.config.environments.items() if one.after is None}
    return sorted({model for environment, model in live if environment in first})


def _known(live: Mapping[Target, Live]) -> list[Release]:
    """Every release that a newest record names: its bytes need not be looked at to know it again."""
    return [
        named.release(one.model)
        for one in live.values()
        if one.record is not None
        for named in (one.record.release, one.record.after.stable, one.record.after.candidate)
        if named is not None
    ]


def _open_orders(found: Ground) -> list[Asked]:
    """What the open pull requests were asked for that nothing but a person asks for."""
    orders: list[Asked] = []
    for address, standing in found.standings.items():
        git = standing.site.git
        heads = {pull.head: pull for pull in found.pulls[address] if pull.state == "open"}
        asked = {
            f"{marks.PREFIX}{environment}/{model}": (environment, model)
            for environment, model in standing.live
            if f"{marks.PREFIX}{environment}/{model}" in heads
        }
        there = git_branches.heads(git, f"{marks.PREFIX}*") if asked else {}
        tips = git_branches.tips(git, {name: there[name] for name in asked if name in there})
        ours = [(asked[name], tip.commit) for name, tip in tips.items() if not tip.person]
        orders += asking.reopened(standing, ours)
    return orders
