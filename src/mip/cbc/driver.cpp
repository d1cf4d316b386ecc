// CBC behind a C interface that can be interrupted and watched: CBC's own (2.10) has neither.
//
// The solver is run as its command line runs it, with an event handler. The handler tells nodes and asks whether to go on; no
// bound is taken from it, because CBC calls it for the restricted models of its heuristics too. No exception leaves this file.

#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <CbcEventHandler.hpp>
#include <CbcModel.hpp>
#include <CbcSolver.hpp>
#include <CoinError.hpp>
#include <OsiClpSolverInterface.hpp>

extern "C" {

// A program that is minimised; columns by their entries, as in `starts`, `indices`, `values`.
struct ExactlipCbcProgram {
    int columns;
    int rows;
    const int *starts;
    const int *indices;
    const double *values;
    const double *column_lower;
    const double *column_upper;
    const double *objective;
    const double *row_lower;
    const double *row_upper;
    // Whether a column is integer, one byte each.
    const unsigned char *integer;
    // A start, one entry a column, or null.
    const double *start;
};

// Settings as CBC's command line takes them: names and values in turn, each ended by a zero.
struct ExactlipCbcSettings {
    const char *const *words;
    int count;
    int log;
};

struct ExactlipCbcEnd {
    int proven_optimal;
    int proven_infeasible;
    int abandoned;
    double best_possible;
    int nodes;
    int iterations;
    int has_solution;
};

// Told the nodes so far; not 0 asks CBC to stop.
typedef int (*ExactlipCbcListener)(void *data, int nodes);
}

namespace {

// What all copies of the handler share.
struct Watch {
    ExactlipCbcListener listener;
    void *data;
    std::mutex one_at_a_time;
    bool stopped = false;

    bool should_stop(int nodes) {
        std::lock_guard<std::mutex> lock(one_at_a_time);
        // The log is there while the solve runs, whatever standard output is.
        fflush(stdout);
        stopped = stopped || listener(data, nodes) != 0;
        return stopped;
    }
};

class Handler : public CbcEventHandler {
public:
    explicit Handler(Watch *watch) : watch_(watch) {}
    Handler(const Handler &other) : CbcEventHandler(other), watch_(other.watch_) {}
    CbcEventHandler *clone() const override { return new Handler(*this); }
    CbcAction event(CbcEvent) override {
        // A heuristic's model counts its own nodes.
        bool main = model_ != nullptr && model_->parentModel() == nullptr;
        if (watch_->should_stop(main ? model_->getNodeCount() : 0) && model_ != nullptr) {
            // An end by the clock: on an end by the handler's answer CBC finishes its root node first and drops its solution.
            model_->setMaximumSeconds(0.0);
        }
        return noAction;
    }

private:
    Watch *watch_;
};

thread_local Watch *watched = nullptr;

// CBC calls this between the phases of a run; behind the third one its solution is brought home, which may not be stopped.
int between_phases(CbcModel *, int phase) {
    return phase <= 3 && watched != nullptr && watched->should_stop(0) ? 1 : 0;
}

void copy(const char *text, char *message, size_t size) {
    if (size > 0) {
        std::strncpy(message, text, size - 1);
        message[size - 1] = 0;
    }
}

void run(const ExactlipCbcProgram &program, const ExactlipCbcSettings &settings, Watch &watch, ExactlipCbcEnd &end,
         double *solution) {
    OsiClpSolverInterface clp;
    clp.loadProblem(program.columns, program.rows, program.starts, program.indices, program.values, program.column_lower,
                    program.column_upper, program.objective, program.row_lower, program.row_upper);
    for (int column = 0; column < program.columns; column++) {
        if (program.integer[column]) {
            clp.setInteger(column);
        }
    }
    clp.setObjSense(1.0);
    clp.messageHandler()->setLogLevel(settings.log);
    clp.getModelPtr()->setLogLevel(settings.log);
    CbcModel model(clp);
    model.setLogLevel(settings.log);
    model.messageHandler()->setLogLevel(settings.log);
    Handler handler(&watch);
    model.passInEventHandler(&handler);
    if (program.start != nullptr) {
        std::vector<std::pair<std::string, double>> start;
        for (int column = 0; column < program.columns; column++) {
            if (program.integer[column]) {
                start.emplace_back(model.solver()->getColName(column), program.start[column]);
            }
        }
        model.setMIPStart(start);
    }
    CbcSolverUsefulData useful;
    useful.noPrinting_ = settings.log == 0;
    // The signals are the process's own.
    useful.useSignalHandler_ = false;
    CbcMain0(model, useful);
    std::vector<const char *> words = {"exactlip"};
    words.insert(words.end(), settings.words, settings.words + settings.count);
    words.push_back("-solve");
    words.push_back("-quit");
    watched = &watch;
    CbcMain1(static_cast<int>(words.size()), words.data(), model, between_phases, useful);
    watched = nullptr;
    end.proven_optimal = model.isProvenOptimal();
    end.proven_infeasible = model.isProvenInfeasible();
    end.abandoned = model.isAbandoned();
    end.best_possible = model.getBestPossibleObjValue();
    end.nodes = model.getNodeCount();
    end.iterations = model.getIterationCount();
    const double *best = model.bestSolution();
    end.has_solution = best != nullptr;
    if (best != nullptr) {
        std::copy(best, best + program.columns, solution);
    }
}

}  // namespace

// Solves a program; 0 when CBC came to an end, otherwise `message` says what it threw. `solution` has an entry a column.
extern "C" int exactlip_cbc_solve(const ExactlipCbcProgram *program, const ExactlipCbcSettings *settings,
                                  ExactlipCbcListener listener, void *data, ExactlipCbcEnd *end, double *solution,
                                  char *message, size_t message_size) noexcept {
    Watch watch;
    watch.listener = listener;
    watch.data = data;
    int failed = 1;
    try {
        run(*program, *settings, watch, *end, solution);
        failed = 0;
    } catch (const std::bad_alloc &) {
        copy("there is no memory", message, message_size);
    } catch (const std::exception &error) {
        copy(error.what(), message, message_size);
    } catch (const CoinError &error) {
        copy(error.message().c_str(), message, message_size);
    } catch (...) {
        copy("an error of an unknown kind", message, message_size);
    }
    watched = nullptr;
    fflush(stdout);
    return failed;
}

// CBC's version, a constant.
extern "C" const char *exactlip_cbc_version() noexcept { return CBC_VERSION; }
