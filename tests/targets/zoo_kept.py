"""Makers of zoo objects: what each returns or yields is kept; what fails is counted, as it should not."""
import sys
import types

KEPT, FAILED, MAKERS = [], [], []


def kept(make):
    MAKERS.append(make)
    return make


def since(*version):
    return kept if sys.version_info >= version else lambda make: make


def make_all(without=()):
    for make in MAKERS:
        if make.__name__ in without:
            continue
        try:
            made = make()
            if isinstance(made, types.GeneratorType):
                for one in made:
                    KEPT.append(one)
                one = None
            else:
                KEPT.append(made)
            made = None
        except Exception as error:
            where = error.__traceback__
            while where.tb_next:
                where = where.tb_next
            FAILED.append("%s, line %d of %s: %s: %s" % (make.__name__, where.tb_lineno, where.tb_frame.f_code.co_filename,
                                                        type(error).__name__, error))
            made = where = None
    del MAKERS[:]


def run(source, **names):
    """What this source, of a later version than 3.6, binds."""
    namespace = dict(names, __name__="made_by_run")
    exec(source, namespace)
    return namespace
