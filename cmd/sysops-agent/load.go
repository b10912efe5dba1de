package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sysops-agent/pkg/config"
)

// source turns the flags into where the configuration comes from.
func (g *globals) source(skipPaths bool) (config.Source, error) {
	s := config.Source{File: g.config, Environ: os.Environ(), SkipPaths: skipPaths}
	if g.dataDir != "" {
		abs, err := filepath.Abs(g.dataDir)
		if err != nil {
			return s, fmt.Errorf("--data-dir %s: %w", g.dataDir, err)
		}
		s.Overrides = append(s.Overrides, config.Override{Key: "agent.data_dir", Value: abs, Origin: "--data-dir"})
	}
	if g.listen != "" {
		s.Overrides = append(s.Overrides, config.Override{Key: "publish.listen", Value: g.listen, Origin: "--listen"})
	}
	if g.logLevel != "" {
		s.Overrides = append(s.Overrides, config.Override{Key: "agent.log_level", Value: g.logLevel, Origin: "--log-level"})
	}
	return s, nil
}

// load reads the configuration; warnings go to w.
func (g *globals) load(w io.Writer, skipPaths bool) (*config.Config, error) {
	src, err := g.source(skipPaths)
	if err != nil {
		return nil, err
	}
	cfg, warnings, err := config.Load(src)
	for _, p := range warnings {
		fmt.Fprintf(w, "warning: %s\n", p)
	}
	return cfg, err
}

func newCheckConfig(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "check-config",
		Short: "Read the configuration and print every problem",
		Long: `Reads the configuration as the agent would (file, environment, flags) and prints
every problem with its file, line and column, and what is allowed instead.
Exit code 0: good, 78: it has problems. Warnings do not count as problems.`,
		Example: `  sysops-agent check-config
  sysops-agent check-config --config ./my.toml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.load(cmd.ErrOrStderr(), false)
			if err != nil {
				return err
			}
			from := cfg.File()
			if from == "" {
				from = "no file, defaults and environment only"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "configuration is good (%s)\n", from)
			return err
		},
	}
}

func newConfig(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Show the configuration, or an example of it",
		Args: noArgs,
		RunE: help,
	}
	var asJSON bool
	show := &cobra.Command{
		Use:     "print",
		Short:   "Print the configuration in force, with the origin of every value",
		Long:    "Prints every key with its value and where it comes from (default, file and line,\nenvironment, flag). Secrets are not shown.",
		Example: "  sysops-agent config print --config ./my.toml",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.load(cmd.ErrOrStderr(), true)
			if err != nil {
				return err
			}
			if asJSON {
				return cfg.PrintJSON(cmd.OutOrStdout())
			}
			return cfg.Print(cmd.OutOrStdout())
		},
	}
	show.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.AddCommand(show, &cobra.Command{
		Use:   "example",
		Short: "Print a commented configuration file with every key at its default",
		Long: `Prints a configuration file that changes nothing: every key is there, explained,
with what it allows and its default, and commented out.`,
		Example: "  sysops-agent config example > /etc/sysops-agent/config.toml",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return config.Example(cmd.OutOrStdout()) },
	})
	return c
}
